"""What the supervisor and its workers say to each other: one JSON object a line, both ways.

A message's JSON form is its fields and `"kind"`, the class name. Knows no pipe and no process.
"""

import json
from dataclasses import dataclass, fields
from typing import Any, Literal

from daemon.core.records import from_json_value, to_json_value
from daemon.core.training.progress import Metrics, Progress, Sample

# --- to a worker -------------------------------------------------------------------------------


@dataclass(frozen=True)
class TakeIn:
    """Intake: read the job in `queue/incoming/` and write its report."""

    job: str


@dataclass(frozen=True)
class Prepare:
    """Trainer: make the base model ready under `models/base/`."""

    model: str


@dataclass(frozen=True)
class Train:
    """Trainer: do, or go on with, the run in `models/runs/`."""

    run: str
    after: Literal["memory", "device"] | None = None
    """What the last trainer died of on this run, where a sign of it was left."""


@dataclass(frozen=True)
class CarryOut:
    """Trainer: do the next piece of an order that lies under `models/`, or write its result."""

    order: str


@dataclass(frozen=True)
class Pause:
    """Trainer: commit at the next step boundary and wait."""


@dataclass(frozen=True)
class Resume:
    """Trainer: go on."""


@dataclass(frozen=True)
class Checkpoint:
    """Trainer: commit at the next step boundary."""


@dataclass(frozen=True)
class Evaluate:
    """Trainer: evaluate at the next step boundary."""


@dataclass(frozen=True)
class Abandon:
    """Trainer: leave the run where it is, without a commit, and stay warm."""


@dataclass(frozen=True)
class Stop:
    """Any worker: commit what can be committed and exit with 0."""


Order = (
    TakeIn | Prepare | Train | CarryOut | Pause | Resume | Checkpoint | Evaluate | Abandon | Stop
)

# --- from a worker -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Ready:
    """A worker is up and waits for orders."""

    pid: int
    device: str
    libraries: dict[str, str]


@dataclass(frozen=True)
class TakenIn:
    """Intake: the job's `report.json` is durable."""

    job: str


@dataclass(frozen=True)
class IntakeProgress:
    """Intake: rows read so far; also its sign of life."""

    job: str
    rows: int


@dataclass(frozen=True)
class Prepared:
    """Trainer: `models/base/<name>` and its facts beside it are durable."""

    model: str
    name: str


@dataclass(frozen=True)
class PrepareFailed:
    """Trainer: the base model cannot be used; a sentence for the user."""

    model: str
    code: str
    message: str
    passing: bool = False
    """It came of an error that may pass by itself, such as one of the disk."""


@dataclass(frozen=True)
class Alive:
    """A worker works on something that takes long; `doing` is for people."""

    doing: str


@dataclass(frozen=True)
class RunBegun:
    """Trainer: `run.json` is durable and the model is loaded; `progress` is the last commit's."""

    run: str
    attempt: int
    step: int
    step_in_run: int
    total_steps: int
    progress: Progress


@dataclass(frozen=True)
class Stepped:
    """Trainer: one optimizer step was applied (or refused: then `metrics.applied` is false)."""

    run: str
    metrics: Metrics


@dataclass(frozen=True)
class Evaluated:
    """Trainer: one periodic evaluation; `left_out` items were trimmed for the time budget."""

    run: str
    step: int
    validation_loss: float | None
    samples: tuple[Sample, ...]
    left_out: int
    seconds: float


@dataclass(frozen=True)
class Committed:
    """Trainer: a checkpoint is durable."""

    run: str
    step: int
    step_in_run: int


@dataclass(frozen=True)
class Paused:
    """Trainer: committed and waiting."""

    run: str


@dataclass(frozen=True)
class Judging:
    """Trainer: training is over, the candidate is being scored."""

    run: str


@dataclass(frozen=True)
class CandidateReady:
    """Trainer: `candidate/draft.json` is durable."""

    run: str


@dataclass(frozen=True)
class RunEnded:
    """Trainer: the run has ended without a candidate and `ended.json` is durable."""

    run: str


@dataclass(frozen=True)
class RunRefused:
    """Trainer: the run cannot start for a reason its jobs are not guilty of (damaged version)."""

    run: str
    code: str
    message: str
    passing: bool = False
    """It came of an error that may pass by itself, such as one of the disk."""


@dataclass(frozen=True)
class UnitBegun:
    """Trainer: a piece of an order is begun; `doing` says which, as a sentence's end."""

    order: str
    piece: int
    pieces: int
    doing: str
    total_steps: int


@dataclass(frozen=True)
class UnitStepped:
    """Trainer: the piece in hand has taken a step."""

    order: str
    step: int


@dataclass(frozen=True)
class UnitEnded:
    """Trainer: what a piece found is durable; `message` is for people."""

    order: str
    piece: int
    message: str


@dataclass(frozen=True)
class OrderEnded:
    """Trainer: the order's `result.json` is durable; `message` is for people."""

    order: str
    message: str


@dataclass(frozen=True)
class Abandoned:
    """Trainer: nothing of the run or piece is in memory any more."""

    run: str


@dataclass(frozen=True)
class Alerted:
    """A worker saw something the user should know."""

    code: str
    message: str


@dataclass(frozen=True)
class Noted:
    """A worker tells what it decided or found; nothing is wrong."""

    code: str
    message: str


Report = (
    Ready
    | TakenIn
    | IntakeProgress
    | Prepared
    | PrepareFailed
    | Alive
    | RunBegun
    | Stepped
    | Evaluated
    | Committed
    | Paused
    | Judging
    | CandidateReady
    | RunEnded
    | RunRefused
    | UnitBegun
    | UnitStepped
    | UnitEnded
    | OrderEnded
    | Abandoned
    | Alerted
    | Noted
)

_ORDERS = {kind.__name__: kind for kind in Order.__args__}
_REPORTS = {kind.__name__: kind for kind in Report.__args__}


def encode(message: Order | Report) -> bytes:
    """Return the message as one line of JSON that ends in a newline."""
    body = {"kind": type(message).__name__, **to_json_value(message)}
    return json.dumps(body, ensure_ascii=True, allow_nan=False).encode() + b"\n"


def decode_order(line: bytes) -> Order:
    """Return the order on a line.

    Raises:
        ValueError: not one of the orders.
    """
    order: Order = _decode(line, _ORDERS)
    return order


def decode_report(line: bytes) -> Report:
    """Return the report on a line.

    Raises:
        ValueError: not one of the reports.
    """
    report: Report = _decode(line, _REPORTS)
    return report


def _decode(line: bytes, kinds: dict[str, Any]) -> Any:
    body = json.loads(line)
    if not isinstance(body, dict) or body.get("kind") not in kinds:
        raise ValueError(f"not a message: {line[:120]!r}")
    kind = kinds[body.pop("kind")]
    if set(body) != {field.name for field in fields(kind)}:
        raise ValueError(f"{kind.__name__} with wrong fields: {line[:120]!r}")
    return from_json_value(body, kind)
