"""The request of a run (start version, jobs, settings), and the small records beside it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from daemon.core.records import JsonObject, Record
from daemon.core.training.judgement import Forgetting
from daemon.core.workspace.bases import BaseFacts
from daemon.core.workspace.untrained import Untrained


@dataclass(frozen=True, kw_only=True)
class EarlierTry:
    """A run of the same jobs that forgot too much, and what it forgot."""

    run: str
    number: int
    rate_share: float
    replay_share: float
    replay_weights: Mapping[str, float]
    tokens: int
    reasons: tuple[str, ...]
    forgetting: tuple[Forgetting, ...]


@dataclass(frozen=True, kw_only=True)
class RunTry:
    """Which try of its jobs a run is from one version, with its replay and learning rate."""

    number: int
    rate_share: float
    """Of the learning rate."""
    replay_share: float
    replay_weights: Mapping[str, float]
    before: tuple[EarlierTry, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RunRequest(Record):
    """The content of a run's `request.json`; `run.json` repeats it."""

    run: str
    created_at: str
    start_version: str
    jobs: tuple[str, ...]
    settings: JsonObject
    base: BaseFacts
    lineage_jobs: tuple[str, ...]
    untrained_rows: Mapping[str, Untrained] = field(default_factory=dict)
    """By job of the lineage: what was left out of it or skipped when it was trained."""
    spoiled_rows: Mapping[str, Untrained] = field(default_factory=dict)
    """By job: what had to be skipped when it was replayed in a later run."""
    holdout_jobs: tuple[str, ...]
    proven_version: str
    step: int
    """Optimizer steps since the base model, as the run begins."""
    seed: int
    try_: RunTry | None = None
    """Of a run that retries the jobs of another; None for the first."""


@dataclass(frozen=True)
class SkipMark:
    """The content of `skip.json`: the job of a run that is to be skipped."""

    job: str


@dataclass(frozen=True)
class FrozenSteps:
    """Of `run.json`, how many steps the run has."""

    steps: int


@dataclass(frozen=True)
class ExamProgress:
    """The content of `exam.json`: how often the exam was started."""

    starts: int


@dataclass(frozen=True, kw_only=True)
class SampleCount(Record):
    """The content of `samples.json`: how many sample prompts each evaluation of the run has."""

    count: int


@dataclass(frozen=True, kw_only=True)
class RunRecord(Record):
    """The lasting record of a run: what was requested, and how and when (UTC) it ended."""

    run: str
    started_at: str | None
    """None if only its version is known."""
    ended_at: str | None = None
    start_version: str | None
    jobs: tuple[str, ...]
    outcome: str | None = None
    version: str | None = None
