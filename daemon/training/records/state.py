"""The state of a run, all but its weights: stored in its checkpoints and its version."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import msgspec

from daemon.core.training.early_stopping import LossWatch
from daemon.core.training.probes import Evolution
from daemon.core.training.progress import Metrics, Progress, after_step
from daemon.core.training.run_state import Cursor, EvolutionState, SavedState, SkippedRow
from daemon.folders.disk.record_files import read_record
from daemon.training.records.choices import RowId

STATE = "training_state.json"
COMMITTED_STATE = "state.json"
METRICS = "training_metrics.json"
EVOLUTION = "evolution.jsonl"
TAIL = 50


@dataclass(frozen=True)
class RunState:
    """Everything of a run except its weights; committed together with them or not at all."""

    run: str
    attempt: int
    step: int
    step_in_run: int
    refused_in_a_row: int = 0
    """Consecutive steps that were not applied because they were not finite."""
    progress: Progress = field(default_factory=Progress)
    metrics: tuple[Metrics, ...] = ()
    """The last steps of the run, in order."""
    unwritten: tuple[Metrics, ...] = ()
    """The steps since the last commit."""
    written: int = 0
    """Size in bytes of the part of `metrics.jsonl` that holds the steps before these."""
    validation: tuple[tuple[int, float], ...] = ()
    skipped: tuple[SkippedRow, ...] = ()
    """Rows without a finite loss or gradient; later steps leave them out."""
    watch: LossWatch = field(default_factory=LossWatch)
    evolution: Evolution = field(default_factory=Evolution)

    @property
    def last_step_s(self) -> float:
        """How long the last step took, in seconds; 0 before the first."""
        return self.metrics[-1].seconds if self.metrics else 0.0

    @property
    def measured_loss(self) -> float | None:
        """The validation loss at this exact step; None if it was not measured."""
        return dict(self.validation).get(self.step)

    @property
    def skipped_ids(self) -> frozenset[RowId]:
        """The ids of the rows that were skipped."""
        return frozenset(row.id for row in self.skipped)

    def saved(self, cursor: Cursor | None = None) -> SavedState:
        """Return the state as it is saved; a finished version has no cursor into its data."""
        cursor = cursor or Cursor()
        known = self.evolution
        return SavedState(
            run=self.run,
            attempt=self.attempt,
            step=self.step,
            step_in_run=self.step_in_run,
            cursor=msgspec.structs.replace(cursor, refused_in_a_row=self.refused_in_a_row),
            progress=self.progress,
            metrics_tail=self.metrics,
            metrics_bytes=self.written,
            validation=self.validation,
            aside=self.skipped,
            watch=self.watch,
            evolution=EvolutionState(
                known.asked_to,
                known.milestones,
                known.left_out,
                known.written,
                known.answers_left_out,
            ),
        )

    @classmethod
    def read(cls, folder: Path, attempt: int) -> Self:
        """Return the state stored in a checkpoint.

        Raises:
            OSError, ValueError: it cannot be read.
        """
        saved = read_record(folder / COMMITTED_STATE, SavedState)
        known = saved.evolution
        return cls(
            run=saved.run,
            attempt=attempt,
            step=saved.step,
            step_in_run=saved.step_in_run,
            refused_in_a_row=saved.cursor.refused_in_a_row or 0,
            progress=saved.progress,
            metrics=saved.metrics_tail,
            written=saved.metrics_bytes,
            validation=saved.validation,
            skipped=saved.aside,
            watch=saved.watch,
            evolution=Evolution(
                known.asked_to,
                known.milestones,
                known.left_out,
                known.answers_left_out,
                written=known.written,
            ),
        )

    def after(self, metrics: Metrics) -> "RunState":
        """Return the state after one more step."""
        return replace(
            self,
            step=metrics.step,
            step_in_run=metrics.step_in_run,
            refused_in_a_row=self._refused_after(metrics),
            progress=after_step(self.progress, metrics),
            metrics=(*self.metrics, metrics)[-TAIL:],
            unwritten=(*self.unwritten, metrics),
        )

    def _refused_after(self, metrics: Metrics) -> int:
        if metrics.applied:
            return 0
        # If all rows of a step were skipped, there was no step to refuse.
        return self.refused_in_a_row + (1 if metrics.rows else 0)


def first_progress(version: Path) -> Progress:
    """Return the counters and histories a version passes on; an untouched base has none.

    The validation loss is none of them: it is of other rows.
    """
    try:
        saved = read_record(version / STATE, SavedState)
    except FileNotFoundError:
        return Progress()
    return replace(saved.progress, validation_loss=None)
