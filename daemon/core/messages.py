"""The messages between the supervisor and its workers: one JSON object a line, both ways.

The JSON form of a message is its fields and `"kind"`, the class name.
"""

import json
from collections.abc import Mapping
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
    """Trainer: prepare the base model under `models/base/`."""

    model: str


@dataclass(frozen=True)
class Train:
    """Trainer: start or resume the run in `models/runs/`."""

    run: str
    after: Literal["memory", "device"] | None = None
    """What the last trainer of this run died of, where there was a sign of it."""


@dataclass(frozen=True)
class CarryOut:
    """Trainer: do the next unit of an order under `models/`, or write its result."""

    order: str


@dataclass(frozen=True)
class Pause:
    """Trainer: commit at the next step boundary and wait."""


@dataclass(frozen=True)
class Resume:
    """Trainer: continue."""


@dataclass(frozen=True)
class Checkpoint:
    """Trainer: commit at the next step boundary."""


@dataclass(frozen=True)
class Evaluate:
    """Trainer: evaluate at the next step boundary."""


@dataclass(frozen=True)
class Abandon:
    """Trainer: leave the run without a commit, but keep the model loaded."""


@dataclass(frozen=True)
class Stop:
    """Any worker: commit what can be committed and exit with 0."""


Order = (
    TakeIn | Prepare | Train | CarryOut | Pause | Resume | Checkpoint | Evaluate | Abandon | Stop
)

# --- from a worker -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Ready:
    """A worker has started and waits for orders."""

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
    """Caused by an error that may pass by itself, such as one of the disk."""


@dataclass(frozen=True)
class Alive:
    """A worker is busy with something that takes long; `doing` is for display."""

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
    """Trainer: one periodic evaluation; `left_out` items did not fit into the time budget."""

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
    """Trainer: the run cannot start, through no fault of its jobs (a damaged version)."""

    run: str
    code: str
    message: str
    passing: bool = False
    """Caused by an error that may pass by itself, such as one of the disk."""


@dataclass(frozen=True)
class UnitBegun:
    """Trainer: a unit of an order has begun; `doing` describes it, as the end of a sentence."""

    order: str
    unit: int
    units: int
    doing: str
    total_steps: int


@dataclass(frozen=True)
class UnitStepped:
    """Trainer: the current unit has taken a step."""

    order: str
    step: int


@dataclass(frozen=True)
class UnitEnded:
    """Trainer: the result of a unit is durable; `message` is for display."""

    order: str
    unit: int
    message: str


@dataclass(frozen=True)
class OrderEnded:
    """Trainer: the order's `result.json` is durable; `message` is for display."""

    order: str
    message: str


@dataclass(frozen=True)
class Abandoned:
    """Trainer: the run or unit was left, and its state in memory is gone."""

    run: str


@dataclass(frozen=True)
class Alerted:
    """A worker raises an alert."""

    code: str
    message: str


@dataclass(frozen=True)
class Noted:
    """A worker reports a decision or finding that is no problem."""

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


def _decode(line: bytes, kinds: Mapping[str, Any]) -> Any:
    body = json.loads(line)
    if not isinstance(body, dict) or body.get("kind") not in kinds:
        raise ValueError(f"not a message: {line[:120]!r}")
    kind = kinds[body.pop("kind")]
    if set(body) != {field.name for field in fields(kind)}:
        raise ValueError(f"{kind.__name__} with wrong fields: {line[:120]!r}")
    return from_json_value(body, kind)
