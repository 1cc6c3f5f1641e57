"""A run's request and its frozen choices as values; knows how they are written, not where."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Self

import msgspec

from daemon.core.rows.prefix import Prefix
from daemon.core.training.fallback import Fallback
from daemon.core.training.memory_plan import MemoryPlan
from daemon.core.training.row_layout import RowLayout
from daemon.core.training.run_requests import RunRequest, RunTry
from daemon.core.workspace.bases import BaseFacts
from daemon.core.workspace.untrained import Untrained
from daemon.core.workspace.versions import AdapterSpec
from daemon.settings import Settings
from daemon.settings_records import usable_settings

RowId = tuple[str, int]
"""A job and the number of a row in it."""


class RowOf(msgspec.Struct, frozen=True):
    """The row that another one repeats, contradicts or corrects."""

    job: str
    line: int


class DroppedRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """A row that was left out before the run began, and why."""

    row: int
    code: str
    how: str | None = None
    of: RowOf | None = None


@dataclass(frozen=True)
class Request:
    """What the supervisor asks for."""

    run: str
    start_version: str
    proven_version: str
    jobs: tuple[str, ...]
    lineage_jobs: tuple[str, ...]
    holdout_jobs: tuple[str, ...]
    settings: Settings
    base: BaseFacts
    step: int
    """Optimizer steps since the base model, as the run begins."""
    seed: int
    untrained: Mapping[str, Untrained] = field(default_factory=dict)
    """By job of the lineage: what was left out of it or skipped when it was trained."""
    spoiled: Mapping[str, Untrained] = field(default_factory=dict)
    """By job: what had to be skipped when it was replayed in a later run."""
    retry: RunTry | None = None
    """Of a run that tries the jobs of another again; None for the first."""

    @classmethod
    def of(cls, record: RunRequest) -> Self:
        """Return the request that `request.json` holds.

        Raises:
            SavedSettingsFault: its settings mean nothing to this release.
        """
        return cls(
            run=record.run,
            start_version=record.start_version,
            proven_version=record.proven_version,
            jobs=record.jobs,
            lineage_jobs=record.lineage_jobs,
            holdout_jobs=record.holdout_jobs,
            settings=usable_settings(record.settings),
            base=record.base,
            step=record.step,
            seed=record.seed,
            untrained=record.untrained_rows,
            spoiled=record.spoiled_rows,
            retry=record.try_,
        )

    @property
    def rate_share(self) -> float:
        """The factor of the learning rate from the first step on."""
        return 1.0 if self.retry is None else self.retry.rate_share

    @property
    def adapter(self) -> AdapterSpec:
        """The adapter the settings ask for."""
        training = self.settings.training
        return AdapterSpec(
            kind=training.kind,
            rank=training.rank,
            scale=training.effective_scale,
            dropout=training.dropout,
            num_layers=training.num_layers,
            keys=training.keys,
        )


class Choices(msgspec.Struct, frozen=True, kw_only=True):
    """What the trainer fixed before the first step; every attempt uses it and nothing else."""

    attempt_0_at: str
    libraries: Mapping[str, str]
    examples: tuple[tuple[int, int], ...]
    """(place of the job in the request, row), in the order before shuffling."""
    dropped: Mapping[str, tuple[DroppedRow, ...]]
    replay: tuple[RowId, ...]
    """Rows of earlier runs, in the order in which they are drawn."""
    replay_share: float
    """The share of them that was aimed at; earlier files may have had too few rows, or none."""
    tune: tuple[RowId, ...]
    """The rows of the validation loss: measured all, or not at all."""
    judge: tuple[RowId, ...]
    earlier: tuple[RowId, ...]
    samples: tuple[RowId, ...]
    steps: int
    data_fingerprint: str
    row_tokens: int
    """Tokens of a packed row."""
    longest: int
    """Tokens of the longest row."""
    fallback: Fallback = msgspec.field(name="rung")
    """How steps are computed from the beginning."""
    estimate: Mapping[str, int] | None
    """Bytes a step was expected to take, by kind."""
    prefixes: Mapping[str, Prefix]
    """By job: what stands before its rows. Jobs without a prefix are left out."""
    plain_forms: Mapping[str, str] = msgspec.field(default_factory=dict)
    """By job: how is written in its rows what the template leaves out; those without are absent."""
    row_layout: RowLayout = "packed"
    """Whether texts share rows; they did in runs from before it was chosen."""
    memory: MemoryPlan | None = None
    """What its steps may take; None where that cannot be estimated, and in runs from before it."""

    answered_by: tuple[tuple[RowId, RowId], ...] = ()
    """Exam items that a later file has corrected, each with the held-out row that answers it."""
    corrected: tuple[tuple[RowId, RowId], ...] = ()
    """Those of them that a file of this run corrects: shown, and no ground for a verdict."""
    earlier_tune: tuple[RowId, ...] = ()
    """Tune rows of earlier files: what is forgotten of them aims the replay of the next run."""
    replay_weights: Mapping[str, float] = msgspec.field(default_factory=dict)
    """By earlier file that was forgotten: how many times as often as others it is replayed."""


def prefix_of_run(request: Request, choices: Choices) -> Prefix | None:
    """Return the prefix of a run's own rows; only jobs that share one are gathered."""
    return choices.prefixes.get(request.jobs[0])


def rows_by_job(
    request: Request, choices: Choices, skipped: Collection[RowId] = ()
) -> dict[str, int]:
    """Return how many rows of each job the run trains, without the `skipped` ones."""
    counts = dict.fromkeys(request.jobs, 0)
    for job, _ in choices.examples:
        counts[request.jobs[job]] += 1
    for name, _ in skipped:
        # A row of an earlier file, replayed, may be skipped too.
        if name in counts:
            counts[name] -= 1
    return counts


def rows_dropped(choices: Choices) -> dict[str, dict[str, list[int]]]:
    """Return the rows that were left out when the run was frozen, by job and by reason."""
    found: dict[str, dict[str, list[int]]] = {}
    for job, rows in choices.dropped.items():
        for row in rows:
            found.setdefault(job, {}).setdefault(row.code, []).append(row.row)
    return found
