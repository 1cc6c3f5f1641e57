"""The periodic evaluation during a run: validation loss, and sample answers in a time budget."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from daemon.clock import Clock
from daemon.core.evaluation.answers import Answer, AnswerLimits
from daemon.core.training.progress import Sample
from daemon.evaluation.questions import Question
from daemon.evaluation.scoring import Interrupted, Scorer, mean_loss, row_losses
from daemon.text.encoder import Encoded

CONCURRENT_PROMPTS = 8
"""Prompts answered concurrently: they take little longer than one."""


@dataclass(frozen=True)
class PeriodicResult:
    """The result of one evaluation."""

    validation_loss: float | None
    samples: tuple[Sample, ...]
    left_out: int
    """Prompts that the time budget left out."""
    seconds: float


class Evaluation:
    """Scores all of some fixed rows, and answers fixed prompts in their order."""

    def __init__(
        self, scorer: Scorer, clock: Clock, limits: AnswerLimits, interrupted: Interrupted
    ) -> None:
        self._scorer = scorer
        self._clock = clock
        self._limits = limits
        self._interrupted = interrupted

    def measure(
        self,
        step: int,
        rows: Sequence[Encoded],
        questions: Sequence[Question],
        budget_s: float,
    ) -> PeriodicResult | None:
        """Return the result; None when interrupted. The first prompts are answered at any budget.

        The loss is a mean over all rows, whatever the time: over a part of them it would depend
        on the machine's load, and could not be compared with the previous one.
        """
        began_s = self._clock.monotonic_s()
        scored = row_losses(self._scorer, rows, self._interrupted)
        if scored is None:
            return None
        samples: list[Sample] = []
        for chunk in self._chunks(questions, began_s + budget_s):
            answers = self._scorer.answer(
                [one.tokens for one in chunk], self._limits, self._interrupted
            )
            if answers is None:
                return None
            samples += [_sample(step, *pair) for pair in zip(chunk, answers, strict=True)]
        return PeriodicResult(
            mean_loss(scored),
            tuple(samples),
            len(questions) - len(samples),
            self._clock.monotonic_s() - began_s,
        )

    def _chunks(self, items: Sequence[Question], until_s: float) -> Iterator[Sequence[Question]]:
        """Yield chunks while one more of the same cost would end in time; the first one always."""
        last_s = self._clock.monotonic_s()
        for start in range(0, len(items), CONCURRENT_PROMPTS):
            now_s = self._clock.monotonic_s()
            if start and now_s + (now_s - last_s) > until_s:
                return
            last_s = now_s
            yield items[start : start + CONCURRENT_PROMPTS]


def _sample(step: int, question: Question, answer: Answer) -> Sample:
    right = question.is_right(answer.text)
    return Sample(
        step, question.text, question.golden, answer.text, right is True, question.job or ""
    )
