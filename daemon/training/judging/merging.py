"""Merges the end of a run with its start, so that less of earlier files is forgotten.

The point between them is chosen on tune rows; the moments stay those of the end. A kill leaves
nothing: the same checkpoint gives the same point again. An end that is refused is not softened: a
little of a harmful file is harm too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from daemon.core import messages as say
from daemon.core.training.forgetting import Tolerance
from daemon.core.training.merging import SHARES, Merge, MergePoint, choose_share, excess
from daemon.evaluation.scoring import mean_loss, row_losses
from daemon.evaluation.scoring_session import loss_key
from daemon.folders.runs import runs
from daemon.layout_jobs import RunLayout
from daemon.text.encoder import Encoded
from daemon.training.context import CurrentRun, TrainerContext
from daemon.training.data.batches import holdout_rows
from daemon.training.engine.protocol import ADAPTER
from daemon.training.judging.exam import own_tune_ids
from daemon.training.records.choices import RowId
from daemon.training.records.holdout_losses import read_losses
from daemon.training.run.opening import adapter_folder


def merged(place: RunLayout, start: Path, end: Path, share: float) -> Path:
    """Return the folder of the adapter that lies so far on the way from start to end."""
    if share == 1.0:
        return end

    def fill(folder: Path) -> None:
        first, last = load_file(start / ADAPTER), load_file(end / ADAPTER)
        between = {
            name: first[name] + np.float32(share) * (array - first[name])
            for name, array in last.items()
        }
        save_file(between, folder / ADAPTER, metadata={"format": "mlx"})

    return runs.write_merged(place, fill)


@dataclass(frozen=True)
class MergedRun:
    """What of a run is judged."""

    folder: Path
    """Has its adapter."""
    merge: Merge | None = None
    """None if there was nothing to weigh."""


class RunMerger:
    """Finds the point between start and end of one run that is judged."""

    def __init__(
        self, context: TrainerContext, current: CurrentRun, interrupted: Callable[[], bool]
    ) -> None:
        self._context = context
        self._current = current
        self._interrupted = interrupted
        self._gate = current.request.settings.gate
        self._start = context.layout.version(current.request.start_version)

    def merge(self, end: Path) -> MergedRun | None:
        """Return the point to judge; None when interrupted."""
        own, earlier = own_tune_ids(self._current), self._current.choices.earlier_tune
        started = adapter_folder(self._start) is not None
        if not (self._gate.merge and started and own and earlier):
            return MergedRun(end)
        points = self._points(end, self._encoded(own), self._encoded(earlier))
        if points is None:
            return None
        chosen = Merge(choose_share(points), tuple(points))
        if chosen.share < 1.0:
            message = (
                f"{self._current.request.run}: {chosen.share:.0%} of its change is kept: by its "
                "tune rows all of it learns less of its files, or forgets too much of others"
            )
            self._context.pipe.send(say.Noted("merged", message))
        return MergedRun(merged(self._current.place, self._start, end, chosen.share), chosen)

    def _encoded(self, ids: Sequence[RowId]) -> list[Encoded]:
        return holdout_rows(self._current.rows, self._current.texts, ids)

    def _points(
        self, end: Path, own: Sequence[Encoded], earlier: Sequence[Encoded]
    ) -> list[MergePoint] | None:
        found: list[MergePoint] = []
        for share in SHARES:
            folder = merged(self._current.place, self._start, end, share)
            self._context.engine.load_adapter(folder)
            scored = row_losses(self._context.engine, [*own, *earlier], self._interrupted)
            if scored is None:
                return None
            beyond = self._beyond(earlier, scored[len(own) :])
            found.append(MergePoint(share, mean_loss(scored[: len(own)]) or 0.0, beyond))
            # Scoring takes long, and what is worse than the point before it only gets worse.
            if share < 1.0 and found[-1].is_worse_than(found[-2]):
                break
        return found

    def _beyond(self, rows: Sequence[Encoded], scored: Sequence[tuple[float, int]]) -> float:
        losses = {loss_key(row): total for row, (total, _) in zip(rows, scored, strict=True)}
        tolerance = Tolerance(self._gate.forgetting, self._gate.forgetting_share)
        return excess(read_losses(self._start), losses, tolerance)
