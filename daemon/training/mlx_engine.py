"""The engine on MLX: one resident base model, one adapter, one optimizer; knows no run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
from mlx.utils import tree_flatten, tree_unflatten

from daemon.core.bases import BaseFacts
from daemon.core.versions import AdapterSpec
from daemon.errors import RunFault
from daemon.layout import Layout
from daemon.model import adapters, bases
from daemon.model.backend import device_name, mx, on_cpu
from daemon.model.generation import generate_batch
from daemon.model.loading import load_model
from daemon.settings import TrainingSettings
from daemon.text.encoder import Encoded
from daemon.training.engine import ADAPTER, MOMENTS, EncodedPass, StepResult
from daemon.training.step import Padded, Stepper

WIDTH_MULTIPLE = 64
"""Scored rows are padded to a multiple of this."""


class MlxEngine:
    """Trains, scores and answers with the same resident weights."""

    def __init__(self) -> None:
        self._base: Path | None = None
        self._spec: AdapterSpec | None = None
        self._keys: tuple[str, ...] = ()
        self._model: Any = None
        self._tokenizer: Any = None
        self._stepper: Stepper | None = None
        self._fresh: dict[str, Any] = {}
        self._begun: dict[str, Any] = {}

    @property
    def device(self) -> str:
        """Return what MLX computes on."""
        return device_name()

    def prepare(self, layout: Layout, model: str) -> BaseFacts:
        """Make a base model ready under `models/base/`."""
        return bases.prepare(layout, model)

    def load(
        self,
        base: Path,
        spec: AdapterSpec,
        training: TrainingSettings,
        start: Path | None,
        seed: int,
    ) -> bool:
        """Be as a run begins; the base is read only where another one, or none, is resident."""
        self._sit(base)
        self._keys = adapters.attach(self._model, spec, seed)
        self._spec = spec
        self._fresh = self._weights()
        if start is not None:
            adapters.load_adapter(self._model, start / ADAPTER)
        self._begun = self._weights()
        # On the CPU compiling brings no speed, and each new shape costs a fraction of a second.
        self._stepper = Stepper(self._model, training, compiled=not on_cpu())
        if start is None:
            return True
        return (start / MOMENTS).exists() and self._take_moments(start / MOMENTS)

    def _sit(self, base: Path) -> None:
        """Have the bare base resident."""
        if base == self._base:
            adapters.detach(self._model)
            return
        # Let go before the next is read: two bases at once may not fit.
        self._base = self._model = self._tokenizer = self._stepper = None
        self._fresh = self._begun = {}
        mx.clear_cache()
        self._model, self._tokenizer = load_model(base)
        self._base = base

    def step(self, passes: Sequence[EncodedPass], learning_rate: float, seed: int) -> StepResult:
        """Apply one optimizer step."""
        return self._ready().step(passes, learning_rate, seed)

    def save(self, folder: Path) -> None:
        """Write adapter and moments into a directory that is being built."""
        adapters.save_adapter(self._model, folder / ADAPTER)
        moments = _flat(self._ready().optimizer.state)
        # Sorted, because MLX writes in an order that depends on that of the keys.
        mx.save_safetensors(str(folder / MOMENTS), dict(sorted(moments.items())))

    def restore(self, folder: Path) -> None:
        """Take adapter and moments from a directory that `save` filled.

        Raises:
            RunFault: they do not fit the settings of the run.
        """
        adapters.load_adapter(self._model, folder / ADAPTER)
        if not self._take_moments(folder / MOMENTS):
            raise RunFault("moments_misfit", f"{folder / MOMENTS} does not fit the run's settings")

    def _take_moments(self, path: Path) -> bool:
        """Take moments if they are what this optimizer keeps for this adapter."""
        optimizer = self._ready().optimizer
        optimizer.init(self._model.trainable_parameters())
        found: Any = mx.load(str(path))
        # Loading is lazy: the file may be replaced or removed before the numbers are needed.
        mx.eval(found)
        if _shapes(found) != _shapes(_flat(optimizer.state)):
            return False
        optimizer.state = tree_unflatten(list(found.items()))
        return True

    def wear(self, folder: Path | None) -> None:
        """Put on another adapter for scoring; moments stay as they are."""
        if folder is not None:
            adapters.load_adapter(self._model, folder / ADAPTER)
        else:
            adapters.put_weights(self._model, self._fresh)

    def losses(self, rows: Sequence[Encoded]) -> list[tuple[float, int]]:
        """Return for each row the sum of its losses in nats, and its supervised tokens."""
        self._model.eval()
        longest = max(len(row.tokens) for row in rows)
        width = -(-longest // WIDTH_MULTIPLE) * WIDTH_MULTIPLE
        padded = Padded(rows, width, len(rows), fixed=False)
        nats: Any = self._ready().losses(padded.inputs, padded.picks, padded.targets).tolist()
        totals, counts = [0.0] * len(rows), [0] * len(rows)
        # The picks end in padding, so there are more losses than owners.
        for owner, loss in zip(padded.owners.tolist(), nats, strict=False):
            totals[owner] += loss
            counts[owner] += 1
        return list(zip(totals, counts, strict=True))

    def generate(self, prompts: Sequence[Sequence[int]], max_tokens: int) -> list[str]:
        """Return the greedy answers."""
        self._model.eval()
        return generate_batch(self._model, self._tokenizer, prompts, max_tokens)

    def adapter_config(self) -> dict[str, Any]:
        """Return what belongs into `adapter_config.json` beside the adapter."""
        assert self._spec is not None and self._base is not None
        return adapters.adapter_config(self._spec, self._base.name, self._keys)

    def finite(self) -> bool:
        """Return whether every number of the adapter is finite."""
        return adapters.is_finite(self._weights())

    def changed(self) -> bool:
        """Return whether the adapter differs from the one the run began with."""
        now = self._weights()
        return any(not mx.array_equal(now[name], old).item() for name, old in self._begun.items())

    def memory(self) -> dict[str, int]:
        """Return bytes in use; MLX's own count misses what the process's shows, so both."""
        return {
            "active": mx.get_active_memory(),
            "peak": mx.get_peak_memory(),
            "cache": mx.get_cache_memory(),
            "process": psutil.Process().memory_info().rss,
        }

    def _weights(self) -> dict[str, Any]:
        weights = adapters.adapter_weights(self._model)
        mx.eval(weights)
        return dict(weights)

    def _ready(self) -> Stepper:
        assert self._stepper is not None, "load comes first"
        return self._stepper


def _flat(state: Any) -> dict[str, Any]:
    leaves: Any = tree_flatten(state)
    return dict(leaves)


def _shapes(arrays: dict[str, Any]) -> dict[str, tuple[tuple[int, ...], Any]]:
    return {name: (tuple(array.shape), array.dtype) for name, array in arrays.items()}
