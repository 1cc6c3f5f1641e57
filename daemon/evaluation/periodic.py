"""One evaluation in the course of a run, within a budget of time; knows no schedule."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from daemon.clock import Clock
from daemon.core.progress import Sample
from daemon.evaluation.scores.overlap import exact_match
from daemon.evaluation.scoring import CHUNK, Interrupted, Prompt, Scorer, mean_loss
from daemon.text.encoder import Encoded

Item = TypeVar("Item")

VALIDATION_SHARE = 0.5
"""Part of the budget the validation loss may take before the samples have their turn."""


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
        self, scorer: Scorer, clock: Clock, max_tokens: int, interrupted: Interrupted
    ) -> None:
        self._scorer = scorer
        self._clock = clock
        self._max_tokens = max_tokens
        self._interrupted = interrupted

    def measure(
        self, step: int, rows: Sequence[Encoded], prompts: Sequence[Prompt], budget_s: float
    ) -> Findings | None:
        """Return the findings; None when interrupted. Some of each kind is done at any budget."""
        began_s = self._clock.monotonic_s()
        scored: list[tuple[float, int]] = []
        for chunk in self._chunks(rows, began_s + VALIDATION_SHARE * budget_s):
            if self._interrupted():
                return None
            scored += self._scorer.losses(chunk)
        samples: list[Sample] = []
        for asked in self._chunks(prompts, began_s + budget_s):
            if self._interrupted():
                return None
            samples += self._ask(step, asked)
        return Findings(
            mean_loss(scored),
            tuple(samples),
            len(rows) - len(scored) + len(prompts) - len(samples),
            self._clock.monotonic_s() - began_s,
        )

    def _chunks(self, items: Sequence[Item], until_s: float) -> Iterator[Sequence[Item]]:
        """Give chunks as long as one more of the same cost would end in time; the first always."""
        last_s = self._clock.monotonic_s()
        for start in range(0, len(items), CHUNK):
            now_s = self._clock.monotonic_s()
            if start and now_s + (now_s - last_s) > until_s:
                return
            last_s = now_s
            yield items[start : start + CHUNK]

    def _ask(self, step: int, prompts: Sequence[Prompt]) -> list[Sample]:
        said = self._scorer.generate([prompt.tokens for prompt in prompts], self._max_tokens)
        return [
            Sample(
                step, asked.text, asked.golden, answer, exact_match(asked.golden, answer), asked.job
            )
            for asked, answer in zip(prompts, said, strict=True)
        ]
