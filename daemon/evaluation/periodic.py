"""One evaluation in the course of a run, within a budget of time; knows no schedule."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from daemon.clock import Clock
from daemon.core.answers import Answer, Limits
from daemon.core.progress import Sample
from daemon.evaluation.questions import Question
from daemon.evaluation.scoring import CHUNK, Interrupted, Scorer, mean_loss
from daemon.text.encoder import Encoded

Item = TypeVar("Item")

VALIDATION_SHARE = 0.5
"""Part of the budget the validation loss may take before the samples have their turn."""


ASKED_AT_ONCE = 8
"""Answers made side by side: they take little longer than one."""


@dataclass(frozen=True)
class Findings:
    """What one evaluation found."""

    validation_loss: float | None
    samples: tuple[Sample, ...]
    left_out: int
    """Items the budget had no time for."""
    seconds: float


class Evaluation:
    """Scores fixed rows and answers fixed prompts, always the first ones first."""

    def __init__(
        self, scorer: Scorer, clock: Clock, limits: Limits, interrupted: Interrupted
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
        whole: bool = False,
    ) -> Findings | None:
        """Return the findings; None when interrupted. Some of each kind is done at any budget.

        `whole` scores every row, whatever the budget: something is decided by it.
        """
        began_s = self._clock.monotonic_s()
        rows_until_s = math.inf if whole else began_s + VALIDATION_SHARE * budget_s
        scored: list[tuple[float, int]] = []
        for chunk in self._chunks(rows, CHUNK, rows_until_s):
            if self._interrupted():
                return None
            scored += self._scorer.losses(chunk)
        samples: list[Sample] = []
        for asked in self._chunks(questions, ASKED_AT_ONCE, began_s + budget_s):
            said = self._scorer.answer(
                [one.tokens for one in asked], self._limits, self._interrupted
            )
            if said is None:
                return None
            samples += [_sample(step, *pair) for pair in zip(asked, said, strict=True)]
        return Findings(
            mean_loss(scored),
            tuple(samples),
            len(rows) - len(scored) + len(questions) - len(samples),
            self._clock.monotonic_s() - began_s,
        )

    def _chunks(self, items: Sequence[Item], size: int, until_s: float) -> Iterator[Sequence[Item]]:
        """Give chunks as long as one more of the same cost would end in time; the first always."""
        last_s = self._clock.monotonic_s()
        for start in range(0, len(items), size):
            now_s = self._clock.monotonic_s()
            if start and now_s + (now_s - last_s) > until_s:
                return
            last_s = now_s
            yield items[start : start + size]


def _sample(step: int, asked: Question, said: Answer) -> Sample:
    right = asked.is_right(said.text)
    return Sample(step, asked.text, asked.golden, said.text, right is True, asked.job or "")
