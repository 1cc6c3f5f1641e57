"""The state of a run in its checkpoints and its version: all but weights and moments."""

from dataclasses import dataclass, field
from typing import Literal

import msgspec

from daemon.core.records import Record
from daemon.core.training.early_stopping import LossWatch
from daemon.core.training.progress import Metrics, Progress


@dataclass(frozen=True)
class SkippedRow:
    """A row that gave no finite loss, or for which there was no memory."""

    job: str
    row: int
    step: int
    """The step at which it was found."""
    code: Literal["not_finite", "no_room"] = "not_finite"

    @property
    def id(self) -> tuple[str, int]:
        """The row's id."""
        return self.job, self.row


class Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """A run's position in its data; a version has only the steps."""

    epoch: int | None = None
    batch: int | None = None
    refused_in_a_row: int | None = None
    """Steps in a row that were not applied because they were not finite."""


class EvolutionState(msgspec.Struct, frozen=True):
    """A run's progress through the milestones of its probe prompts."""

    asked_to: int = -1
    """The last milestone that was answered, as a step in the run."""
    milestones: int = 0
    left_out: int = 0
    """Milestones that an earlier release left out."""
    written: int = msgspec.field(name="bytes", default=0)
    """Of the run's `evolution.jsonl`."""
    answers_left_out: int = 0


@dataclass(frozen=True, kw_only=True)
class SavedState(Record):
    """The content of a checkpoint's `state.json` and of a version's `training_state.json`."""

    run: str
    attempt: int
    step: int
    step_in_run: int
    cursor: Cursor
    progress: Progress
    metrics_tail: tuple[Metrics, ...]
    """Of the last steps; those of all steps are in `metrics.jsonl`."""
    metrics_bytes: int
    """Of the run's `metrics.jsonl`."""
    validation: tuple[tuple[int, float], ...]
    aside: tuple[SkippedRow, ...]
    watch: LossWatch = field(default_factory=LossWatch)
    evolution: EvolutionState = field(default_factory=EvolutionState)
