"""The actions a tick can decide on, each complete enough to be performed without deciding more."""

from dataclasses import dataclass
from typing import Literal

from daemon.core.decisions.commands import Answer, Command
from daemon.core.decisions.promotion import Verdict
from daemon.core.decisions.snapshot import Drop, Growth
from daemon.core.workspace.jobs import JobCard, Outcome

RunOutcome = Outcome | Literal["returned", "tried_again"]
"""How a run ended; `returned`: its jobs went back to the queue."""


@dataclass(frozen=True)
class Claim:
    """Take a settled file out of the inbox into a new job directory."""

    drop: Drop


@dataclass(frozen=True)
class PassOn:
    """Write what was appended to a job's file after it was claimed to the inbox, as a new file."""

    growth: Growth


@dataclass(frozen=True)
class BeginIntake:
    """Send a claimed job to the intake worker, starting it if it is off."""

    card: JobCard


@dataclass(frozen=True)
class Enqueue:
    """Move an accepted job from `incoming/` to its priority."""

    card: JobCard


@dataclass(frozen=True)
class EndJob:
    """Move a job to `done/`, `failed/` or `skipped/` with its outcome."""

    card: JobCard
    source: str
    outcome: Outcome
    reason: str
    version: str | None = None


@dataclass(frozen=True)
class TakeInAgain:
    """Send a job back to intake: a queued one with outdated token counts, or one that has ended."""

    card: JobCard
    source: str
    why: str


@dataclass(frozen=True)
class PutBack:
    """Send a changed file back to the inbox to settle."""

    card: JobCard


@dataclass(frozen=True)
class PrepareBase:
    """Have the trainer prepare the base model."""

    model: str


@dataclass(frozen=True)
class SealBase:
    """Seal a version of the untouched base and point the link at it."""


@dataclass(frozen=True)
class OpenRun:
    """Write a new run's request; its jobs are moved by the next actions."""

    jobs: tuple[JobCard, ...]


@dataclass(frozen=True)
class MoveToRunning:
    """Move a queued job into `running/`."""

    card: JobCard


@dataclass(frozen=True)
class BeginRun:
    """Count the attempt and send the run to the trainer, starting it if it is off."""

    run: str


@dataclass(frozen=True)
class PauseTrainer:
    """Have the trainer commit and wait."""


@dataclass(frozen=True)
class ResumeTrainer:
    """Have the trainer continue."""


@dataclass(frozen=True)
class RequestCheckpoint:
    """Have the trainer commit; the command is answered afterwards."""

    command: Command


@dataclass(frozen=True)
class RequestEvaluation:
    """Have the trainer evaluate; the command is answered afterwards."""

    command: Command


@dataclass(frozen=True)
class AbandonRun:
    """Have the trainer abandon the run."""

    why: str


@dataclass(frozen=True)
class MarkSkip:
    """Record in the run's directory that one of its jobs is to be skipped."""

    run: str
    job: str
    command: Command


@dataclass(frozen=True)
class ReturnJob:
    """Move a running job back to the head of its queue."""

    card: JobCard
    alone: bool = False


@dataclass(frozen=True)
class RemoveRun:
    """Remove a run's directory, after a record of how it ended; its jobs have left `running/`."""

    run: str
    outcome: RunOutcome
    version: str | None = None


@dataclass(frozen=True)
class BeginUnit:
    """Send the next unit of an order, or its end, to the trainer, starting it if it is off."""

    order: str


@dataclass(frozen=True)
class LeaveUnit:
    """Have the trainer abandon the current unit of an order."""

    order: str
    why: str


@dataclass(frozen=True)
class OpenAudit:
    """Order a comparison of the current version with the last proven one."""

    version: str
    proven: str


@dataclass(frozen=True)
class SettleAudit:
    """Record that an audit needs no further action, and why."""

    order: str
    message: str


@dataclass(frozen=True)
class SkipOrder:
    """Record in an order's directory that it is to end with the results so far."""

    order: str
    command: Command


@dataclass(frozen=True)
class SealCandidate:
    """Give the candidate its number and verdict and move it among the versions."""

    run: str
    verdict: Verdict


@dataclass(frozen=True)
class TryAgain:
    """Open another run of the same jobs, aimed at what the candidate of this one has forgotten."""

    run: str
    verdict: Verdict


@dataclass(frozen=True)
class EndSeries:
    """Make a run the last try of its jobs."""

    run: str


@dataclass(frozen=True)
class MoveLink:
    """Point `current_model` at a version."""

    version: str
    why: str


@dataclass(frozen=True)
class Verify:
    """Verify a version's checksums in the background."""

    version: str


@dataclass(frozen=True)
class Prune:
    """Remove a version's weights, or only its moments; its manifest stays."""

    version: str
    moments_only: bool


@dataclass(frozen=True)
class Backup:
    """Copy a promoted version to the backups in the background."""

    version: str


@dataclass(frozen=True)
class RemoveBackup:
    """Remove a backup that is no longer among the newest."""

    version: str


@dataclass(frozen=True)
class EndPause:
    """Remove `control/pause`, as `resume` requests."""

    command: Command


@dataclass(frozen=True)
class Retry:
    """Queue ended jobs again, as `retry` requests."""

    command: Command
    jobs: tuple[str, ...]


@dataclass(frozen=True)
class NewLineage:
    """Start over from the untouched base of the settings; queued jobs go back through intake."""

    command: Command


@dataclass(frozen=True)
class Reply:
    """Answer a command, once, in events and status."""

    command: Command
    answer: Answer
    message: str


@dataclass(frozen=True)
class StopDaemon:
    """Leave the loop and end the workers within their time budget."""


@dataclass(frozen=True)
class EndIntakeWorker:
    """End the intake worker because it is idle or hangs; `dead` counts it as a death."""

    why: str
    dead: bool = False


@dataclass(frozen=True)
class EndTrainer:
    """End the trainer because it is idle or hangs; `dead` counts it as a death."""

    why: str
    dead: bool = False


Action = (
    Claim
    | PassOn
    | BeginIntake
    | Enqueue
    | EndJob
    | TakeInAgain
    | PutBack
    | PrepareBase
    | SealBase
    | OpenRun
    | MoveToRunning
    | BeginRun
    | PauseTrainer
    | ResumeTrainer
    | RequestCheckpoint
    | RequestEvaluation
    | AbandonRun
    | MarkSkip
    | EndSeries
    | ReturnJob
    | RemoveRun
    | BeginUnit
    | LeaveUnit
    | OpenAudit
    | SettleAudit
    | SkipOrder
    | SealCandidate
    | TryAgain
    | MoveLink
    | Verify
    | Prune
    | Backup
    | RemoveBackup
    | EndPause
    | Retry
    | NewLineage
    | Reply
    | StopDaemon
    | EndIntakeWorker
    | EndTrainer
)
