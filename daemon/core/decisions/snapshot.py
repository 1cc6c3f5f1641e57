"""All that one tick knows when it decides: plain values, read before the decision begins."""

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
    """Its copy in `queue/.arriving/`, where it came from another volume; then it has left it."""
    unpacked: int = 0
    """Bytes that a packed file says it has unpacked; 0 where it says nothing."""


@dataclass(frozen=True)
class Growth:
    """Bytes that were written to a job's file after it was taken in, from `begin` to `end`."""

    card: JobCard
    state: str
    begin: int
    end: int


@dataclass(frozen=True)
class Attempts:
    """Starts of a run's trainer since its last progress: a commit, or answers to its exam."""

    started: int = 0
    """Starts that neither got on nor ended cleanly, whoever died."""
    seen: int = 0
    """Deaths among them that the supervisor lived to see."""
    last_death: str = ""
    after: Literal["memory", "device"] | None = None
    """What the last of them died of; the next start is told, once."""
    since_step: int = 0
    """The commit since which they are counted, by its step in the run."""
    since_exam: int = 0
    """The start since which they are counted, by how many before it had got on with the exam."""
    at_attempt: int | None = None
    """The number of the trainer's last attempt when it was last started; None where not noted."""
    begun: bool = True
    """The last start came to an attempt: the trainer noted one with a higher number."""

    @property
    def counted(self) -> int:
        """Starts that say something about the run: one that was killed before it says nothing."""
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


@dataclass(frozen=True)
class RunOnDisk:
    """The run in progress, as its directory tells."""

    run: str
    start_version: str
    jobs: tuple[str, ...]
    frozen_ns: int | None
    """When `run.json` was committed, as a file time; None before."""
    attempts: Attempts
    candidate: Candidate | None
    ended: Ended | None
    skip: str | None
    """The job that the user asked to skip, journalled in the run's directory."""


@dataclass(frozen=True)
class OrderOnDisk:
    """An order that is not over, as its directory tells."""

    order: str
    about: str
    """What people know it by."""
    created_at: str = ""
    versions: frozenset[str] = frozenset()
    """Whose weights it needs."""
    skip: bool = False
    """The user asked to end it with what it has."""


@dataclass(frozen=True)
class Audit:
    """A comparison of a version with the last proven one before it, as its directory tells."""

    order: str
    version: str
    proven: str
    outcome: str | None = None
    """`worse` leads back to the proven version; None while it is not over."""
    message: str = ""
    settled: bool = False
    """What the outcome asks for was done, or came too late."""


@dataclass(frozen=True)
class WorkerState:
    """A worker process as the supervisor sees it."""

    state: Literal["off", "starting", "idle", "busy", "paused", "leaving"] = "off"
    on: str | None = None
    """The job, run or order it works on, or `prepare`."""
    others: tuple[str, ...] = ()
    """Jobs it has set aside for that one and goes on with afterwards."""
    idle_s: float = 0.0
    silent_s: float = 0.0
    """Since its last word, as far as the machine was awake."""
    step_s: float = 0.0
    """What the longest of its last steps took."""
    doing: str = ""
    """What takes long just now, in words for people; empty for the usual."""


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
    """Why the trainer could not make it ready, until it has."""
    now: Circumstances = field(default_factory=Circumstances)
    """What it would be tried under now, where it was refused."""


@dataclass(frozen=True)
class DecisionSettings:
    """The settings that decisions are made by."""

    gather_rows: int
    idle_s: float
    silent_s: float
    release_s: float
    """A trainer that is paused for longer gives its memory back."""
    intake_silent_s: float
    adapter: AdapterSpec
    keep_versions: int
    keep_moments: int
    keep_backups: int
    audit_every: int = 0
    """Unproven promotions in a row that lead to an audit; 0 for none."""


@dataclass(frozen=True)
class Snapshot:
    """What the folders, the workers and the settings say at one instant."""

    limits: DecisionSettings
    base: Base
    stopping: bool = False
    paused: bool = False
    commands: tuple[Command, ...] = ()
    drops: tuple[Drop, ...] = ()
    growths: tuple[Growth, ...] = ()
    """What was written to files that are jobs already, and lies still."""
    settling: int = 0
    leftovers: tuple[str, ...] = ()
    """Names in the inbox that are no work."""
    incoming: tuple[Incoming, ...] = ()
    queued: tuple[Queued, ...] = ()
    """In the order in which they are to be trained."""
    running: tuple[Running, ...] = ()
    run: RunOnDisk | None = None
    orders: tuple[OrderOnDisk, ...] = ()
    """Those that are not over, by age."""
    audits: tuple[Audit, ...] = ()
    """All of them, by age."""
    intake: WorkerState = WorkerState()
    trainer: WorkerState = WorkerState()
    versions: Mapping[str, Version] = field(default_factory=dict)
    complete: frozenset[str] = frozenset()
    """Versions whose weights are on disk (the others are remembered by their manifest)."""
    pinned: frozenset[str] = frozenset()
    current: str | None = None
    """The version the link names; None where it names none that is complete."""
    verified: Mapping[str, bool] = field(default_factory=dict)
    """Versions whose checksums were read, and whether they agreed."""
    refusal: Refusal | None = None
    """Why the trainer could not begin the run in progress, until it has."""
    now: Circumstances = field(default_factory=Circumstances)
    """What the run would be tried under now, where it was refused."""
    short_of_space: bool = False
    """Less room than the next file needs."""

    @property
    def current_order(self) -> OrderOnDisk | None:
        """The order of which the trainer does a piece."""
        on = self.trainer.on if self.trainer.state != "off" else None
        return next((order for order in self.orders if order.order == on), None)

    @property
    def version(self) -> Version | None:
        """The current version."""
        return self.versions.get(self.current) if self.current is not None else None


def with_one_order(snapshot: Snapshot, order: str) -> Snapshot:
    """Return what is seen by one who has come for an order alone: no file, no job, no run."""
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
