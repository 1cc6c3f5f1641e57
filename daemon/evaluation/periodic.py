"""One evaluation in the course of a run; knows no schedule."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from daemon.clock import Clock
from daemon.core.evaluation.answers import Answer, AnswerLimits
from daemon.core.training.progress import Sample
from daemon.evaluation.questions import Question
from daemon.evaluation.scoring import Interrupted, Scorer, mean_loss, row_losses
from daemon.text.encoder import Encoded

ASKED_AT_ONCE = 8
"""Answers made side by side: they take little longer than one."""


@dataclass(frozen=True)
class PeriodicResult:
    """What one evaluation found."""

    validation_loss: float | None
    samples: tuple[Sample, ...]
    left_out: int
    """Prompts the budget had no time for."""
    seconds: float


class Evaluation:
    """Scores fixed rows, all of them, and answers fixed prompts, the first ones first."""

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
        """Return the findings; None when interrupted. Some prompts are answered at any budget.

        The loss is a mean over all rows, whatever the time: one over some of them would move
        with the machine's load, and could not be compared with the one before.
        """
        began_s = self._clock.monotonic_s()
        scored = row_losses(self._scorer, rows, self._interrupted)
        if scored is None:
            return None
        samples: list[Sample] = []
        for asked in self._chunks(questions, began_s + budget_s):
            said = self._scorer.answer(
                [one.tokens for one in asked], self._limits, self._interrupted
            )
            if said is None:
                return None
            samples += [_sample(step, *pair) for pair in zip(asked, said, strict=True)]
        return PeriodicResult(
            mean_loss(scored),
            tuple(samples),
            len(questions) - len(samples),
            self._clock.monotonic_s() - began_s,
        )

    def _chunks(self, items: Sequence[Question], until_s: float) -> Iterator[Sequence[Question]]:
        """Give chunks as long as one more of the same cost would end in time; the first always."""
        last_s = self._clock.monotonic_s()
        for start in range(0, len(items), ASKED_AT_ONCE):
            now_s = self._clock.monotonic_s()
            if start and now_s + (now_s - last_s) > until_s:
                return
            last_s = now_s
            yield items[start : start + ASKED_AT_ONCE]


def _sample(step: int, asked: Question, said: Answer) -> Sample:
    right = asked.is_right(said.text)
    return Sample(step, asked.text, asked.golden, said.text, right is True, asked.job or "")
