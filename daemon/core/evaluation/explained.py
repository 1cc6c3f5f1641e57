"""Types of the JSON that `explain` prints about a version."""

from collections.abc import Mapping, Sequence
from typing import Literal, TypedDict

from daemon.core.evaluation.reports import ChangedAnswers, PairFigures
from daemon.core.records import JsonObject


class JobFacts(TypedDict):
    """A job's name and the counts of its rows."""

    name: str
    rows: Mapping[str, int] | None


class Moved(TypedDict):
    """A loss, in nats per token, or a number of right answers, before and after."""

    items: int
    before: float | None
    after: float | None


class MeasuredJob(TypedDict):
    """The loss and the right answers on a job's hold-out."""

    loss: Moved | None
    right: Moved | None


class EarlierFile(MeasuredJob):
    """A file that an earlier run trained."""

    job: str
    name: str | None


class RowCounts(TypedDict):
    """How many rows of a file were trained, held out, refused and so on."""

    read: int | None
    trained: int | None
    held_out: int | None
    refused: int | None
    set_aside: int
    shortened: int


class ExplainedFile(EarlierFile):
    """A file of the version's own run."""

    rows: RowCounts


class ExplainedScore(TypedDict):
    """The mean of a metric on a set, before and after."""

    set: str
    metric: str
    items: int
    before: float | None
    after: float | None
    change: float | None
    main: bool


class ExplainedVerdict(TypedDict):
    """The verdict on the version."""

    kind: str
    promotes: bool
    reasons: Sequence[str]
    compared_with: Sequence[str]


class EnergyFigures(TypedDict):
    """The energy of a run in joules, or why it is unknown."""

    joules: float | None
    reason: str | None


class ExplainedProvenance(TypedDict):
    """How the version was made: code, base, data, steps, times; None if not recorded."""

    git_commit: str | None
    git_dirty: bool | None
    libraries: Mapping[str, str] | None
    platform: str | None
    seeds: Mapping[str, int] | None
    data_fingerprint: str | None
    duration_s: float | None
    phases: Mapping[str, float] | None
    energy: EnergyFigures | None
    plain_form: str | None
    start_moments: str | None
    step: int
    step_in_run: int | None
    base: str
    base_fingerprint: str
    prefix: str | None
    tokens: int | None
    supervised_tokens: int | None
    tokens_per_s: float | None
    peak_bytes: int | None


class SavedMisfit(TypedDict):
    """A saved setting that this release reads differently."""

    setting: str
    why: Literal["unknown", "missing", "out_of_range", "unusable"]
    saved: object
    used: object


class Explanation(TypedDict):
    """The whole explanation."""

    version: str
    parent: str | None
    run: str | None
    created_at: str
    verdict: ExplainedVerdict
    files: Sequence[ExplainedFile]
    earlier_files: Sequence[EarlierFile]
    tests: Sequence[PairFigures]
    scores: Sequence[ExplainedScore]
    changed: ChangedAnswers | None
    replay: JsonObject | None
    settings: Sequence[SavedMisfit]
    notes: Sequence[str]
    provenance: ExplainedProvenance
