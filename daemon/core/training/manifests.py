"""The manifest of a version: what it is, how it was trained and judged, and which files it has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from daemon.core.records import JsonObject, Record
from daemon.core.rows.prefix import Prefix
from daemon.core.training.early_stopping import EarlyStopped
from daemon.core.training.evaluations import Evaluations
from daemon.core.training.judgement import Judgement
from daemon.core.training.merging import Merge
from daemon.core.training.run_requests import RunTry
from daemon.core.workspace.bases import BaseFacts
from daemon.core.workspace.untrained import Untrained
from daemon.core.workspace.versions import AdapterSpec, VerdictKind, Version


class FileFacts(msgspec.Struct, frozen=True, omit_defaults=True):
    """Size and SHA-256 of a file, used to verify it."""

    sha256: str
    size: int
    droppable: bool = False
    """Whether the version is complete without it: retention removes it first."""


@dataclass(frozen=True, kw_only=True)
class FileList:
    """The files of a `manifest.json`, by which it is verified; a checkpoint's has nothing else."""

    schema_version: int = 1
    files: Mapping[str, FileFacts]


@dataclass(frozen=True, kw_only=True)
class Seeds:
    """The seed of the run."""

    run: int


@dataclass(frozen=True, kw_only=True)
class RunTotals:
    """Figures of a whole run."""

    train_loss: float | None = None
    """Mean of the last steps, in nats per token; None without a step that had one."""
    tokens: int | None = None
    supervised_tokens: int | None = None
    replayed: int | None = None
    tokens_per_s: float | None = None
    steps_not_applied: int = 0
    validation_loss: float | None = None
    peak_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class ReplayFacts:
    """How many rows of earlier files were replayed, and the loss on them afterwards."""

    draws: int = 0
    share: float | None = None
    weights: Mapping[str, float] = field(default_factory=dict)
    """By job: how much more often its rows were drawn; empty if all were drawn alike."""
    next_share: float | None = None
    """The replay share of the next run; None in versions that did not record it."""
    next_weights: Mapping[str, float] = field(default_factory=dict)
    rises: Mapping[str, float] = field(default_factory=dict)
    """By job: how much the loss on its hold-out rose, in nats per token."""


@dataclass(frozen=True, kw_only=True)
class Milestones:
    """How often the answers to the probe prompts were recorded."""

    milestones: int
    left_out: int = 0
    """Milestones without any answer; only in versions of earlier releases."""
    answers_left_out: int = 0
    """Prompts that milestones between the first and the last had no time for, added up."""


@dataclass(frozen=True, kw_only=True)
class ShortenedRow:
    """A row that was cut off or split because memory had run out with rows of its length."""

    job: str
    row: int
    line: int
    tokens: int
    """Of the whole row."""
    most_tokens: int
    """What there was memory for."""
    how: Literal["truncate", "split"]
    pieces: int
    from_step: int
    """The step in the run from whose commit on it was shortened; before it was trained whole."""


def shortened_sentence(rows: Sequence[ShortenedRow]) -> str:
    """Say how many rows were shortened, to what and why."""
    first = rows[0]
    deed = "cut off after" if first.how == "truncate" else "split into pieces of at most"
    since = f"from step {first.from_step} of the run on" if first.from_step else "from the start"
    return (
        f"{len(rows)} row(s) {deed} {first.most_tokens:,} tokens {since}, as training.over_long "
        "says, because memory ran out with longer ones"
    )


@dataclass(frozen=True, kw_only=True)
class ManifestRow:
    """A skipped row: its loss was not finite or memory did not suffice; with its line."""

    job: str
    line: int | None = None
    offset: int | None = None
    length: int | None = None
    row: int | None = None
    """None in older manifests, which name only the line."""
    code: str = "not_finite"
    step: int | None = None
    hint: str = ""
    raw: str | None = None


@dataclass(frozen=True)
class RowName:
    """A held-out row by its job and number."""

    job: str
    row: int


@dataclass(frozen=True, kw_only=True)
class CorrectedExamRow:
    """An item of the exam whose answer a later file has corrected."""

    item: RowName
    by: RowName
    question: str
    old: str
    new: str


@dataclass(frozen=True, kw_only=True)
class Phases:
    """What took how long, in seconds; `other_s` is loading, evaluations and waiting."""

    training_s: float
    judging_s: float
    other_s: float


@dataclass(frozen=True, kw_only=True)
class Energy:
    """The joules of a run, or why they are not known."""

    joules: float | None
    reason: str | None


@dataclass(frozen=True)
class Provenance:
    """The code, the platform and the libraries that a version was made with."""

    git_commit: str | None
    git_dirty: bool | None
    """None if unknown."""
    platform: str | None
    libraries: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class _Sealing(Record):
    """The fields that are known only when a version is sealed."""

    version: str
    created_at: str
    lineage: str
    verdict: VerdictKind
    verdict_reasons: tuple[str, ...]
    promotes: bool


@dataclass(frozen=True, kw_only=True)
class Draft(Record):
    """A manifest as the trainer writes it, before its version has a name and a verdict."""

    run: str | None
    parent: str | None
    job_ids: tuple[str, ...]
    """Jobs of which at least one row was trained: only these count in the lineage."""
    rows_by_job: Mapping[str, int] = field(default_factory=dict)
    step: int
    """Optimizer steps since the base model."""
    step_in_run: int | None = None
    epochs: int | None = None
    stopped_early: EarlyStopped | None = None
    settings: JsonObject
    seeds: Seeds | None = None
    data_fingerprint: str | None = None
    base: BaseFacts
    adapter: AdapterSpec | None
    """None for an untouched base."""
    prefix: Prefix | None = None
    plain_form: str | None = None
    """The plain form in which its rows were written; None for none."""
    git_commit: str | None = None
    git_dirty: bool | None = None
    platform: str | None = None
    libraries: Mapping[str, str] = field(default_factory=dict)
    metrics: RunTotals = field(default_factory=RunTotals)
    evaluations: Evaluations = field(default_factory=Evaluations)
    judgement: Judgement | None = None
    replay: ReplayFacts | None = None
    try_: RunTry | None = None
    """Which try of its jobs it is; None for the first."""
    merge: Merge | None = None
    """How much of the run's change it has; None if nothing earlier could be forgotten."""
    evolution: Milestones | None = None
    rows_set_aside: tuple[ManifestRow, ...] = ()
    """Rows that could not be trained, replayed ones included."""
    rows_dropped: Mapping[str, Mapping[str, Sequence[int]]] = field(default_factory=dict)
    """Rows that were left out when the run was frozen, by job and reason."""
    exam_rows_corrected: tuple[CorrectedExamRow, ...] = ()
    rows_shortened: tuple[ShortenedRow, ...] = ()
    """Rows that were shortened because memory had run out, replayed ones included."""
    duration_s: float | None = None
    phases: Phases | None = None
    energy: Energy | None = None
    start_moments: Literal["carried", "fresh"] | None = None
    files: Mapping[str, FileFacts]

    @property
    def provenance(self) -> Provenance:
        """The code, platform and libraries it was trained with."""
        return Provenance(self.git_commit, self.git_dirty, self.platform, self.libraries)


@dataclass(frozen=True, kw_only=True)
class Manifest(Draft, _Sealing):
    """The content of a version's `manifest.json`."""

    def described(self) -> Version:
        """Return the version as decisions need it."""
        return Version(
            version=self.version,
            parent=self.parent,
            lineage=self.lineage,
            run=self.run,
            job_ids=self.job_ids,
            step=self.step,
            verdict=self.verdict,
            promotes=self.promotes,
            base=self.base,
            adapter=self.adapter,
            created_at=self.created_at,
            prefix=self.prefix,
            plain_form=self.plain_form,
            untrained=untrained_in(self),
            spoiled=spoiled_in(self),
            left_empty=left_empty_in(self),
            reasons=self.verdict_reasons,
        )


def untrained_in(manifest: Draft) -> dict[str, Untrained]:
    """Return the rows of a version's own jobs that it has not learned, from its manifest."""
    found = _skipped(manifest)
    for job, codes in manifest.rows_dropped.items():
        rows = frozenset(row for by in codes.values() for row in by)
        found[job] = found.get(job, Untrained()) | Untrained(rows)
    return {job: found[job] for job in manifest.job_ids if job in found}


def spoiled_in(manifest: Draft) -> dict[str, Untrained]:
    """Return rows of other jobs that the run of a version replayed and could not train."""
    own = manifest.job_ids
    return {job: rows for job, rows in _skipped(manifest).items() if job not in own}


def left_empty_in(manifest: Draft) -> frozenset[str]:
    """Return the jobs of a version's run that had new rows, of which none could be trained."""
    skipped = {row.job for row in manifest.rows_set_aside}
    dropped = {j for j, codes in manifest.rows_dropped.items() if set(codes) - {"duplicate_seen"}}
    return frozenset(job for job in skipped | dropped if manifest.rows_by_job.get(job) == 0)


def _skipped(manifest: Draft) -> dict[str, Untrained]:
    found: dict[str, Untrained] = {}
    for row in manifest.rows_set_aside:
        rows = () if row.row is None else (row.row,)
        # Older manifests name only the line.
        lines = (row.line,) if row.row is None and row.line is not None else ()
        one = Untrained(frozenset(rows), frozenset(lines))
        found[row.job] = found.get(row.job, Untrained()) | one
    return found
