"""Losses and scores of every model in the exam of a candidate, as manifests hold them."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean and its number of answers."""

    mean: float
    count: int


@dataclass(frozen=True, slots=True)
class Summary:
    """The aggregated scores of one suite or hold-out."""

    items: int
    main: Mean | None
    metrics: Mapping[str, Mean]
    by_difficulty: Mapping[str, Mean]
    """The main metric of each difficulty that occurs."""
    failures: Mapping[str, int]
    characters: float
    """Mean length of an answer."""
    formatting: float | None
    """How close the shares of bold, lists and so on are to the golden answers'."""
    calibration_error: float | None
    distinct: Mapping[str, float] = field(default_factory=dict)
    """Distinct words and pairs of words over all, as `distinct_1` and `distinct_2`."""
    right: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """By difficulty: how many answers are entirely right, and how many have a golden one."""
    traits: Mapping[str, float] = field(default_factory=dict)
    """Part of the answers with bold, lists, several paragraphs and so on."""
    formatted: int = 0
    """Answers that `formatting` rests on: those that are held against a habit."""
    judged_confidences: int = 0
    """Answers that `calibration_error` rests on."""


@dataclass(frozen=True)
class ExactMatches:
    """How many answers are right, of the version that the run began with and of the candidate."""

    items: int
    before: int
    after: int


@dataclass(frozen=True)
class JobLoss:
    """The mean losses of each model on the rows of one job, in nats per token."""

    items: int
    models: Mapping[str, float | None]


@dataclass(frozen=True)
class SetLoss:
    """The mean losses on one set of rows, in nats per token; None for a set without rows."""

    items: int = 0
    before: float | None = None
    after: float | None = None
    models: Mapping[str, float | None] = field(default_factory=dict)
    jobs: Mapping[str, JobLoss] = field(default_factory=dict)


@dataclass(frozen=True)
class RightAnswers:
    """How many questions of a job the exam has, and how many each model answered right."""

    items: int
    right: Mapping[str, int]


@dataclass(frozen=True)
class Evaluations:
    """The results of an exam, by set, model and job."""

    exact_match: ExactMatches | None = None
    loss: Mapping[str, SetLoss] = field(default_factory=dict)
    answers: Mapping[str, Mapping[str, Summary]] = field(default_factory=dict)
    answers_by_job: Mapping[str, RightAnswers] = field(default_factory=dict)
    suites: Mapping[str, str] = field(default_factory=dict)
    """The version of each suite, as the SHA-256 of its file."""

    def loss_of(self, of_set: str) -> SetLoss:
        """Return the losses on a set; none if it was not measured."""
        return self.loss.get(of_set, SetLoss())
