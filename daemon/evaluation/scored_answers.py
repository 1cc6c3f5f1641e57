"""The answers of all subjects of an evaluation with their scores, by suite and subject."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from daemon.core.evaluation.answers import Answer
from daemon.core.evaluation.evaluations import HOLDOUTS, Questions
from daemon.core.evaluation.reports import SuiteResult
from daemon.core.evaluation.suites import SuiteItem
from daemon.evaluation.scores.score import Score, score_answer
from daemon.evaluation.writing import ExpectedWriting

SubjectResults = Mapping[tuple[int, int], SuiteResult]
"""Each subject's answers, by index of suite and subject; absent if it was not run."""


@dataclass(frozen=True)
class ScoredAnswers:
    """The input of an evaluation's report."""

    names: Sequence[str]
    """The subjects."""
    questions: Sequence[Questions]
    results: SubjectResults
    scores: Mapping[tuple[int, int], Sequence[Score | None]]
    """By index of suite and subject; None for a question without an answer."""

    def of_suite(self, suite: int) -> Iterator[tuple[int, Sequence[Score | None]]]:
        """Yield each subject that answered a suite, with its scores."""
        for who in range(len(self.names)):
            if (suite, who) in self.scores:
                yield who, self.scores[suite, who]

    def rows(self, suite: int) -> Iterator[tuple[SuiteItem, dict[int, tuple[Score, Answer]]]]:
        """Yield each item of a suite with the score and the answer of each subject that has one."""
        there = dict(self.of_suite(suite))
        for number, item in enumerate(self.questions[suite].suite.items):
            yield (
                item,
                {
                    who: (score, answer)
                    for who, scores in there.items()
                    if (score := scores[number]) is not None
                    if (answer := self.results[suite, who].answers[number]) is not None
                },
            )


def scored_answers(
    names: Sequence[str],
    questions: Sequence[Questions],
    results: SubjectResults,
    writing: ExpectedWriting,
) -> ScoredAnswers:
    """Score every answer, its writing by the habit of its suite or file."""
    scores = {
        (suite, subject): _scored(questions[suite], result, writing)
        for (suite, subject), result in results.items()
        if result.failed is None
    }
    return ScoredAnswers(names, questions, results, scores)


def _scored(of: Questions, result: SuiteResult, writing: ExpectedWriting) -> list[Score | None]:
    suite = of.suite
    return [
        None
        if answer is None
        else score_answer(
            suite.scorer,
            item,
            answer.text,
            writing.of(suite.name, _job_of(suite.name, item)),
            answer.confidence,
        )
        for item, answer in zip(suite.items, result.answers, strict=True)
    ]


def _job_of(suite: str, item: SuiteItem) -> str | None:
    """Return the job of a held-out row, whose id begins with it."""
    return item.id.partition(":")[0] if suite == HOLDOUTS else None


def present(scores: Sequence[Score | None]) -> list[Score]:
    """Return the scores of the questions that were answered."""
    return [score for score in scores if score is not None]
