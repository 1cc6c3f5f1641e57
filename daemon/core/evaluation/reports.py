"""Types of the JSON reports of judgements and evaluations.

They stay dictionaries, because templates, programs and files use them as they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NotRequired, TypedDict

from daemon.core.evaluation.answers import Answer
from daemon.core.evaluation.writing_figures import SuiteWriting
from daemon.core.records import JsonObject


class MeanFigures(TypedDict):
    """The mean of a metric, with further figures."""

    mean: float


class RightCounts(TypedDict):
    """How many answers were right, of how many scored ones."""

    right: Sequence[int]
    right_by_difficulty: Mapping[str, Sequence[int]]


class AnsweredFigures(TypedDict, total=False):
    """The scores of one model's answers to one set of questions."""

    items: int
    metrics: Mapping[str, MeanFigures]
    formatting: float | None
    calibration_error: float | None
    characters: float


class SummaryFigures(RightCounts, AnsweredFigures):
    """Those of an evaluation by hand."""


class JudgedFigures(AnsweredFigures):
    """Those of a judgement."""

    right: NotRequired[Mapping[str, Sequence[int]]]
    """By difficulty: how many answers are entirely right, and how many have a golden one.

    Reports of an earlier release do not have it."""


class GradeFigures(TypedDict):
    """An overall grade."""

    overall: float
    letter: str
    parts: Mapping[str, float]
    left_out: Sequence[str]
    items: NotRequired[Mapping[str, int]]
    """How many answers each part is based on; missing in reports of earlier releases."""


class ChangedAnswers(TypedDict):
    """Questions that one side alone has right, as rows of texts by name."""

    to_right: Sequence[JsonObject]
    to_wrong: Sequence[JsonObject]


# --- the judgement of a candidate ---------------------------------------------------------------


class VerdictFigures(TypedDict):
    """The decision and its reasons."""

    kind: str
    promotes: bool
    reasons: Sequence[str]


class SetLosses(TypedDict):
    """The losses of all models on one set, in nats per token."""

    set: str
    items: int
    models: Mapping[str, float | None]
    perplexity: Mapping[str, float | None]


class SetAnswers(TypedDict):
    """The answers of all models to the questions of one set."""

    metric: str
    models: Mapping[str, JudgedFigures]
    style_gain: float | None


class PairFigures(TypedDict, total=False):
    """A paired comparison of a candidate, or of forgetting, with a reference."""

    name: str
    metric: str
    against: str
    items: int
    families: int | None
    mean_change: float
    p_better: float
    p_worse: float
    rise: float
    tolerated: float
    gained: float | None


class BenchmarkFigures(TypedDict):
    """The right answers to the suites, of how many, and all of it as a sentence."""

    suites: Mapping[str, Sequence[int]]
    difficulties: Mapping[str, Sequence[int]]
    overall: Sequence[int]
    sentence: str


class GradedSets(TypedDict):
    """The grades of all models, the sets they are of, and the candidate's right answers."""

    grades: Mapping[str, GradeFigures | None]
    graded_on: Sequence[str]
    benchmarks: BenchmarkFigures | None


class JudgementReport(TypedDict, total=False):
    """A version's `report.json`, except for the fields that describe what was judged."""

    schema_version: int
    habits: JsonObject
    ways_on: Sequence[str]
    title: str
    models: Sequence[str]
    verdict: VerdictFigures
    losses: Sequence[SetLosses]
    answers: Mapping[str, SetAnswers]
    tests: Sequence[PairFigures]
    grades: Mapping[str, GradeFigures | None]
    graded_on: Sequence[str]
    benchmarks: BenchmarkFigures | None
    changed: ChangedAnswers
    forgetting: Sequence[PairFigures]


# --- an evaluation by hand ----------------------------------------------------------------------


class SubjectFigures(TypedDict):
    """How a subject answered: how fast, with how much memory, and what is missing."""

    name: str
    kind: str
    path: str | None
    sha256: str | None
    prefix: str | None
    missing: int
    unknown: int
    unscored: int
    failed: Sequence[str]
    generated: int
    remembered: int
    tokens: int
    seconds: float
    tokens_per_s: float | None
    peak_bytes: int | None


class SuiteFigures(TypedDict):
    """The scores of all subjects on a suite."""

    name: str
    title: str
    sha256: str
    scorer: str
    items: int
    of: int
    metric: str
    models: Mapping[str, SummaryFigures]


class OverallFigures(TypedDict):
    """The scores of a subject over all items."""

    items: int
    mean: float | None
    right: Sequence[int]
    grade: GradeFigures | None


class TestedPair(TypedDict):
    """A test of two subjects."""

    suite: str
    subject: str
    against: str
    metric: str
    items: int
    families: int | None
    change: float
    low: float
    high: float
    p: float
    winner: str | None
    why_not: str | None


class SubjectLoss(TypedDict):
    """The loss of a subject on the golden answers, in nats per token."""

    suite: str
    subject: str
    items: int
    tokens: int
    loss: float | None
    perplexity: float | None
    test: TestedPair | None


class CheckedTarget(TypedDict):
    """A figure that a user wants to reach."""

    target: str
    suite: str
    metric: str
    value: float | None
    reached: bool | None
    """None if nothing was measured."""
    gap: NotRequired[float | None]


class TargetFigures(TypedDict):
    """The targets of a subject, and what to do next."""

    outcome: str
    checked: Sequence[CheckedTarget]
    actions: Sequence[str]


class TrackRow(TypedDict):
    """One figure of a suite, with the gain and the gaps."""

    suite: str
    figure: str
    subjects: Mapping[str, float]
    gain: float | None
    gaps: Mapping[str, float | None]


class TrackFigures(TypedDict):
    """Each suite's own figures, and between which subjects gain and gaps are."""

    before: str | None
    after: str | None
    others: Sequence[str]
    rows: Sequence[TrackRow]


class FailureExample(TypedDict):
    """A question that was failed, with all answers."""

    id: str
    question: str
    golden: str
    answers: Mapping[str, str]


class FailureFigures(TypedDict):
    """A kind of failure: how often each subject has it, and examples."""

    suite: str
    kind: str
    subjects: Mapping[str, int]
    examples: Sequence[FailureExample]


class ComparisonReport(TypedDict):
    """The `report.json` of an evaluation."""

    schema_version: int
    evaluation: str
    created_at: str
    title: str
    outcome: str
    message: str
    level: float
    subjects: Sequence[SubjectFigures]
    suites: Sequence[SuiteFigures]
    overall: Mapping[str, OverallFigures | None]
    tests: Sequence[TestedPair]
    losses: Sequence[SubjectLoss]
    tracks: NotRequired[TrackFigures]
    """This and the next two are missing in reports of earlier releases."""
    writing: NotRequired[Sequence[SuiteWriting]]
    failures: NotRequired[Sequence[FailureFigures]]
    winner: str | None
    findings: Sequence[str]
    changed: Mapping[str, ChangedAnswers]
    targets: Mapping[str, TargetFigures] | None
    notes: Sequence[str]


@dataclass(frozen=True)
class AnsweringFigures:
    """How the answers of a suite were generated."""

    answers: int
    """Answers that the model generated; the others came from the cache."""
    remembered: int
    tokens: int
    seconds: float
    peak_bytes: int


@dataclass(frozen=True)
class SuiteResult:
    """What one subject answered to one suite."""

    answers: Sequence[Answer | None]
    losses: Sequence[tuple[float, int] | None] | None
    """Of the golden answers: the sum in nats, and the tokens."""
    measured: AnsweringFigures | None
    failed: str | None
    """Why there are no answers."""
