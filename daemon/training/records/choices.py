"""A run's request, and the choices frozen before its first step, as typed records."""

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
    """A request of the supervisor to train a run."""

    run: str
    start_version: str
    proven_version: str
    jobs: tuple[str, ...]
    lineage_jobs: tuple[str, ...]
    holdout_jobs: tuple[str, ...]
    settings: Settings
    base: BaseFacts
    step: int
    """Optimizer steps since the base model, at the start of the run."""
    seed: int
    untrained: Mapping[str, Untrained] = field(default_factory=dict)
    """By job of the lineage: the rows that were left out or skipped when it was trained."""
    spoiled: Mapping[str, Untrained] = field(default_factory=dict)
    """By job: the rows that had to be skipped when a later run replayed them."""
    retry: RunTry | None = None
    """Set where the run tries the jobs of another run again; None for a first try."""

    @classmethod
    def of(cls, record: RunRequest) -> Self:
        """Return the request that `request.json` holds.

        Raises:
            SavedSettingsFault: this release cannot read its settings.
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
        """The adapter that the settings describe."""
        return self.settings.training.adapter


class Choices(msgspec.Struct, frozen=True, kw_only=True):
    """What the trainer fixed before the first step; every attempt uses exactly this."""

    attempt_0_at: str
    libraries: Mapping[str, str]
    examples: tuple[tuple[int, int], ...]
    """(index of the job in the request, row), in the order before shuffling."""
    dropped: Mapping[str, tuple[DroppedRow, ...]]
    replay: tuple[RowId, ...]
    """Rows of earlier runs, in the order in which they are drawn."""
    replay_share: float
    """The share intended for them; earlier files may have had too few rows, or none."""
    tune: tuple[RowId, ...]
    """The rows of the validation loss: either all are measured or none."""
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
    """How the first step is computed."""
    estimate: Mapping[str, int] | None
    """The estimated memory of a step in bytes, by kind."""
    prefixes: Mapping[str, Prefix]
    """The prefix of each job's rows. Jobs without a prefix are absent."""
    plain_forms: Mapping[str, str] = msgspec.field(default_factory=dict)
    """By job: the plain form of what the chat template leaves out; absent where there is none."""
    row_layout: RowLayout = "packed"
    """Whether texts share rows; they always did in older runs, which do not record it."""
    memory: MemoryPlan | None = None
    """The memory plan; None if memory cannot be estimated, and in older runs."""

    answered_by: tuple[tuple[RowId, RowId], ...] = ()
    """Exam items that a later file has corrected, each with the held-out row that answers it."""
    corrected: tuple[tuple[RowId, RowId], ...] = ()
    """Those corrected by a file of this run: reported, but not counted in the verdict."""
    earlier_tune: tuple[RowId, ...] = ()
    """Tune rows of earlier files; forgetting measured on them directs the next run's replay."""
    replay_weights: Mapping[str, float] = msgspec.field(default_factory=dict)
    """By forgotten earlier file: how many times as often as others it is replayed."""


def prefix_of_run(request: Request, choices: Choices) -> Prefix | None:
    """Return the prefix of a run's own rows; a run only gathers jobs with the same prefix."""
    return choices.prefixes.get(request.jobs[0])


def rows_by_job(
    request: Request, choices: Choices, skipped: Collection[RowId] = ()
) -> dict[str, int]:
    """Return how many rows of each job the run trains, not counting `skipped` ones."""
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
