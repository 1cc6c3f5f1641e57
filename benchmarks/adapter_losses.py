"""Scores rows with many adapters of one base: the layers below the adapters are computed once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from daemon.core.workspace.versions import AdapterSpec
from daemon.model import adapters
from daemon.model.anatomy import Anatomy
from daemon.model.backend import mx, nn
from daemon.model.loading import load_model
from daemon.text.encoder import Encoded

AT_ONCE = 16


@dataclass(frozen=True)
class Batch:
    """Rows that are computed at once."""

    tokens: Any
    state: Any
    """The output of the layers below the adapters."""
    places: Any
    """Where a token is supervised, in the flattened batch."""
    targets: Any


class AdapterLosses:
    """Losses of some files' rows with any adapter of one kind."""

    def __init__(
        self, base: Path, spec: AdapterSpec, files: Mapping[str, Sequence[Encoded]]
    ) -> None:
        self._model: Any = load_model(base)[0]
        adapters.attach(self._model, spec, 0)
        self._model.eval()
        self._fresh = dict(adapters.adapter_weights(self._model))
        self._parts = Anatomy(self._model)
        self._below = self._parts.first_adapted()
        assert self._below, "some layers lie below the adapters"
        self._batches = {name: self._in_batches(rows) for name, rows in files.items()}

    def _in_batches(self, rows: Sequence[Encoded]) -> list[Batch]:
        ordered = sorted(rows, key=lambda row: len(row.tokens))
        return [self._batch(ordered[at : at + AT_ONCE]) for at in range(0, len(rows), AT_ONCE)]

    def _batch(self, rows: Sequence[Encoded]) -> Batch:
        width = max(len(row.tokens) for row in rows)
        tokens, counted = (np.zeros((len(rows), width), np.int32) for _ in range(2))
        for line, row in enumerate(rows):
            tokens[line, : len(row.tokens)] = row.tokens
            counted[line, : len(row.tokens)] = row.supervised
        inputs = mx.array(tokens[:, :-1])
        state = self._parts.state_below(self._below, inputs, None)
        places = np.flatnonzero(counted[:, 1:])
        mx.eval(state)
        targets = mx.array(tokens[:, 1:].reshape(-1)[places])
        return Batch(inputs, state, mx.array(places), targets)

    def of(self, adapter: Path | None, files: Iterable[str]) -> dict[str, float]:
        """Return the loss of each file in nats a token; no adapter is the base."""
        if adapter is None:
            adapters.put_weights(self._model, self._fresh)
        else:
            adapters.load_adapter(self._model, adapter)
        return {name: self._loss(self._batches[name]) for name in files}

    def _loss(self, batches: Sequence[Batch]) -> float:
        losses = [self._losses(batch) for batch in batches]
        return float(np.concatenate(losses).mean())

    def _losses(self, batch: Batch) -> Any:
        hidden = self._parts.hidden_above(self._below, batch.state, batch.tokens)
        logits = self._parts.logits(hidden.reshape(-1, hidden.shape[-1])[batch.places])
        return np.array(nn.losses.cross_entropy(logits.astype(mx.float32), batch.targets))
