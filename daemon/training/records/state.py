"""How far a run has come, as its checkpoints and its version carry it; knows no weights."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Self

from daemon.core.records import fields_of
from daemon.core.training.early_stopping import LossWatch
from daemon.core.training.probes import Evolution
from daemon.core.training.progress import Metrics, Progress, after_step
from daemon.training.records.choices import RowId

STATE = "training_state.json"
COMMITTED_STATE = "state.json"
METRICS = "training_metrics.json"
EVOLUTION = "evolution.jsonl"
TAIL = 50


@dataclass(frozen=True)
class SkippedRow:
    """A row that was put aside in a run."""

    job: str
    row: int
    step: int
    """The step at which it was found."""
    code: Literal["not_finite", "no_room"] = "not_finite"

    @property
    def id(self) -> RowId:
        """The row's id."""
        return self.job, self.row


@dataclass(frozen=True)
class RunState:
    """Everything of a run but its weights; commits with them or not at all."""

    run: str
    attempt: int
    step: int
    step_in_run: int
    refused_in_a_row: int = 0
    """Steps in a row that were not applied because they were not finite."""
    progress: Progress = field(default_factory=Progress)
    metrics: tuple[Metrics, ...] = ()
    """Of the last steps of the run, in order."""
    unwritten: tuple[Metrics, ...] = ()
    """Of the steps since the last commit."""
    written: int = 0
    """Bytes of the run's `metrics.jsonl` that hold the steps before them."""
    validation: tuple[tuple[int, float], ...] = ()
    aside: tuple[SkippedRow, ...] = ()
    """Rows that gave no finite loss or gradient; they count nothing from then on."""
    watch: LossWatch = field(default_factory=LossWatch)
    evolution: Evolution = field(default_factory=Evolution)

    @property
    def last_step_s(self) -> float:
        """How long the last step took, in seconds; 0 before the first."""
        return self.metrics[-1].seconds if self.metrics else 0.0

    @property
    def aside_ids(self) -> frozenset[RowId]:
        """The ids of the rows that were put aside."""
        return frozenset(row.id for row in self.aside)

    def as_record(self, cursor: Mapping[str, Any]) -> dict[str, Any]:
        """Return plain JSON values; the metrics of all steps are a file of their own."""
        return {
            "schema_version": 1,
            "run": self.run,
            "attempt": self.attempt,
            "step": self.step,
            "step_in_run": self.step_in_run,
            "cursor": dict(cursor) | {"refused_in_a_row": self.refused_in_a_row},
            "progress": self.progress.as_record(),
            "metrics_tail": [asdict(metrics) for metrics in self.metrics],
            "metrics_bytes": self.written,
            "validation": self.validation,
            "aside": [asdict(row) for row in self.aside],
            "watch": self.watch.as_record(),
            "evolution": self.evolution.as_record(),
        }

    @classmethod
    def read(cls, folder: Path, attempt: int) -> Self:
        """Return the state that lies in a checkpoint."""
        record = json.loads((folder / COMMITTED_STATE).read_bytes())
        return cls(
            run=record["run"],
            attempt=attempt,
            step=record["step"],
            step_in_run=record["step_in_run"],
            refused_in_a_row=record["cursor"]["refused_in_a_row"],
            progress=Progress.from_record(record["progress"]),
            metrics=tuple(Metrics(**fields_of(Metrics, item)) for item in record["metrics_tail"]),
            written=record["metrics_bytes"],
            validation=tuple((int(step), float(loss)) for step, loss in record["validation"]),
            aside=tuple(SkippedRow(**fields_of(SkippedRow, row)) for row in record["aside"]),
            **_added(record),
        )

    def after(self, metrics: Metrics) -> "RunState":
        """Return the state with one more step."""
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
        # Where all rows of a step were put aside there was nothing to refuse.
        return self.refused_in_a_row + (1 if metrics.rows else 0)


def _added(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what checkpoints hold only since a later release."""
    found: dict[str, Any] = {}
    if "watch" in record:
        found["watch"] = LossWatch.from_record(record["watch"])
    if "evolution" in record:
        found["evolution"] = Evolution.from_record(record["evolution"])
    return found


def first_progress(version: Path) -> Progress:
    """Return the counters and histories a version hands on; an untouched base has none.

    The validation loss is none of them: it is of other rows.
    """
    try:
        record = json.loads((version / STATE).read_bytes())
    except FileNotFoundError:
        return Progress()
    return replace(Progress.from_record(record["progress"]), validation_loss=None)
