"""The snapshot: everything that one tick's decisions are based on, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from daemon.core.decisions.blocking import Circumstances, Refusal
from daemon.core.decisions.commands import Command
from daemon.core.decisions.promotion import Gate
from daemon.core.training.judgement import Judgement
from daemon.core.workspace.jobs import Incoming, JobCard, Priority, Queued, Running
from daemon.core.workspace.versions import AdapterSpec, Version


@dataclass(frozen=True)
class Drop:
    """A file in the inbox that has settled and is ready to be claimed."""

    name: str
    priority: Priority
    size: int
    arrival: str | None = None
    """Its copy in `queue/.arriving/` if it came from another volume, which it has left then."""
    unpacked: int = 0
    """The unpacked size that an archive declares, in bytes; 0 if it declares none."""


@dataclass(frozen=True)
class Growth:
    """Bytes written to a job's file after it was claimed, from `begin` to `end`."""

    card: JobCard
    state: str
    begin: int
    end: int
    found_as: str = field(default="", compare=False)
    """As what the file was found."""
    is_whole: bool = False
    """It was written over, so all of it counts anew and not only what stands at its end."""


@dataclass(frozen=True)
class Attempts:
    """Starts of a run's trainer since its last progress: a commit, or answers to its exam."""

    started: int = 0
    """Starts that neither made progress nor ended cleanly, whichever process died."""
    seen: int = 0
    """Deaths among them that the supervisor survived."""
    last_death: str = ""
    after: Literal["memory", "device"] | None = None
    """What the last of them died of; it is passed to the next start, once."""
    since_step: int = 0
    """The commit since which they are counted, by its step in the run."""
    since_exam: int = 0
    """The exam progress since which they are counted, by how many starts had made any."""
    at_attempt: int | None = None
    """The trainer's last attempt number when it was last started; None if not recorded."""
    begun: bool = True
    """The last start reached an attempt: the trainer recorded one with a higher number."""

    @property
    def counted(self) -> int:
        """Starts that tell something about the run: not one that was killed before an attempt."""
        return max(0, self.started - (not self.begun))


@dataclass(frozen=True)
class Ended:
    """A run's end without a candidate."""

    outcome: Literal["nothing_new", "nothing_left", "failed"]
    code: str
    message: str


@dataclass(frozen=True)
class Candidate:
    """A run's complete result before its verdict."""

    judgement: Judgement
    rows_by_job: Mapping[str, int]
    gate: Gate
    """The rules that were in force when the run began."""
    try_number: int = 1
    """Which run of its jobs it is, from the same version."""
    tokens: int = 0
    """Trained in the run."""


@dataclass(frozen=True)
class RunOnDisk:
    """The current run, as its directory describes it."""

    run: str
    start_version: str
    jobs: tuple[str, ...]
    frozen_ns: int | None
    """When `run.json` was committed, as a file time; None before."""
    attempts: Attempts
    candidate: Candidate | None
    ended: Ended | None
    skip: str | None
    """The job that the user wants skipped, as recorded in the run's directory."""
    next_try: str | None = None
    """The run that tries its jobs again, where it has been opened."""
    try_number: int = 1
    """Which run of its jobs it is, from the same version."""
    last_try: bool = False
    """The series of tries was stopped: its jobs are not tried again after it."""


@dataclass(frozen=True)
class OrderOnDisk:
    """An unfinished order, as its directory describes it."""

    order: str
    about: str
    """A short description for people."""
    created_at: str = ""
    versions: frozenset[str] = frozenset()
    """The versions whose weights it needs."""
    skip: bool = False
    """The user wants it to end with the results so far."""


@dataclass(frozen=True)
class Audit:
    """A comparison of a version with the last proven one before it."""

    order: str
    version: str
    proven: str
    outcome: str | None = None
    """`worse` rolls back to the proven version; None while it is unfinished."""
    message: str = ""
    settled: bool = False
    """The outcome was acted on, or came too late."""


@dataclass(frozen=True)
class WorkerState:
    """A worker process as the supervisor sees it."""

    state: Literal["off", "starting", "idle", "busy", "paused", "leaving"] = "off"
    on: str | None = None
    """The job, run or order it works on, or `prepare`."""
    others: tuple[str, ...] = ()
    """Jobs it has interrupted for that one and resumes afterwards."""
    idle_s: float = 0.0
    silent_s: float = 0.0
    """Seconds since its last report, as far as the machine was awake."""
    step_s: float = 0.0
    """Seconds of its longest recent step."""
    doing: str = ""
    """What takes long at the moment, for display; usually empty."""


@dataclass(frozen=True)
class Base:
    """The configured base model."""

    model: str
    name: str | None = None
    """None until it has been prepared."""
    fingerprint: str | None = None
    tokenizer: str | None = None
    template: str | None = None
    refusal: Refusal | None = None
    """Why the trainer could not prepare it, until it has."""
    now: Circumstances = field(default_factory=Circumstances)
    """The circumstances of another try now, where it was refused."""


@dataclass(frozen=True)
class DecisionSettings:
    """The settings that decisions depend on."""

    gather_rows: int
    idle_s: float
    silent_s: float
    release_s: float
    """A trainer paused for longer is ended, which frees its memory."""
    intake_silent_s: float
    adapter: AdapterSpec
    keep_versions: int
    keep_moments: int
    keep_backups: int
    audit_every: int = 0
    """Unproven promotions in a row that lead to an audit; 0 for none."""


@dataclass(frozen=True)
class Snapshot:
    """The state of folders, workers and settings at one instant."""

    limits: DecisionSettings
    base: Base
    stopping: bool = False
    paused: bool = False
    commands: tuple[Command, ...] = ()
    drops: tuple[Drop, ...] = ()
    growths: tuple[Growth, ...] = ()
    """Settled writes to files that are jobs already."""
    settling: int = 0
    leftovers: tuple[str, ...] = ()
    """Names in the inbox that are not training files."""
    incoming: tuple[Incoming, ...] = ()
    queued: tuple[Queued, ...] = ()
    """In training order."""
    running: tuple[Running, ...] = ()
    run: RunOnDisk | None = None
    orders: tuple[OrderOnDisk, ...] = ()
    """Unfinished ones, by age."""
    audits: tuple[Audit, ...] = ()
    """All audits, by age."""
    intake: WorkerState = WorkerState()
    trainer: WorkerState = WorkerState()
    versions: Mapping[str, Version] = field(default_factory=dict)
    complete: frozenset[str] = frozenset()
    """Versions whose weights are on disk (of the others only the manifest is left)."""
    pinned: frozenset[str] = frozenset()
    current: str | None = None
    """The version the link names; None if it names none that is complete."""
    verified: Mapping[str, bool] = field(default_factory=dict)
    """Versions whose checksums were read, and whether they match."""
    refusal: Refusal | None = None
    """Why the trainer could not begin the current run, until it has."""
    now: Circumstances = field(default_factory=Circumstances)
    """The circumstances of another try now, where it was refused."""
    short_of_space: bool = False
    """The disk has less room than the next file needs."""

    @property
    def current_order(self) -> OrderOnDisk | None:
        """The order that the trainer works on."""
        on = self.trainer.on if self.trainer.state != "off" else None
        return next((order for order in self.orders if order.order == on), None)

    @property
    def version(self) -> Version | None:
        """The current version."""
        return self.versions.get(self.current) if self.current is not None else None


def with_one_order(snapshot: Snapshot, order: str) -> Snapshot:
    """Return the snapshot reduced to one order, without files, jobs and runs."""
    return replace(
        snapshot,
        drops=(),
        growths=(),
        settling=0,
        leftovers=(),
        incoming=(),
        queued=(),
        running=(),
        run=None,
        short_of_space=False,
        orders=tuple(item for item in snapshot.orders if item.order == order),
        audits=tuple(item for item in snapshot.audits if item.order == order),
        limits=replace(snapshot.limits, audit_every=0),
    )
