"""Types of the `result.json` of each kind of order."""

from collections.abc import Mapping, Sequence
from typing import TypedDict

from daemon.core.evaluation.reports import (
    OverallFigures,
    PairFigures,
    SubjectFigures,
    SuiteFigures,
    TargetFigures,
    TestedPair,
)
from daemon.core.records import JsonObject


class OrderResult(TypedDict):
    """The fields that every result has."""

    outcome: str | None
    """None if a command shows an order that has not ended."""
    message: str


class SweptTrial(TypedDict, total=False):
    """A trial of a sweep; the changes are against the first one."""

    number: int
    setting: Mapping[str, object]
    changes: str
    outcome: str
    why: str
    loss: float | None
    change: float | None
    low: float | None
    high: float | None
    steps: int
    seconds: float


class SweepResult(OrderResult, total=False):
    """The result of a sweep."""

    schema_version: int
    sweep: str
    best: int | None
    proven: bool
    start_version: str | None
    level_together: float
    trials: Sequence[SweptTrial]
    notes: Sequence[str]
    training: str | None
    """The `[training]` of the settings with what the best trial changes."""


class AuditFound(OrderResult, total=False):
    """The result of an audit."""

    schema_version: int
    order: str
    version: str
    proven: str
    tests: Sequence[PairFigures]
    ended_at: str


class ReproductionResult(OrderResult, total=False):
    """The result of a reproduction."""

    schema_version: int
    order: str
    version: str
    found: JsonObject | None


class EvaluationResult(OrderResult, total=False):
    """The summary of an evaluation, for the ledger and for lists."""

    schema_version: int
    ended_at: str
    evaluation: str
    created_at: str
    title: str
    subjects: Sequence[SubjectFigures]
    suites: Sequence[SuiteFigures]
    overall: Mapping[str, OverallFigures | None]
    tests: Sequence[TestedPair]
    winner: str | None
    targets: Mapping[str, TargetFigures] | None
