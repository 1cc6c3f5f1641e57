"""Answers prompts in batches as large as memory allows; halves the batch when it runs out.

Running out of memory here says nothing about training steps: the batch size that worked is stored
by device and base in `models/machine.json`, and the run takes no memory fallback.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from daemon.core import messages as say
from daemon.core.evaluation.answer_memory import ANSWERS_MOST
from daemon.core.evaluation.answers import Answer, AnswerLimits
from daemon.core.workspace.bases import BaseFacts
from daemon.evaluation.scoring import Interrupted, OnAnswer
from daemon.text.encoder import Encoded
from daemon.training.context import TrainerContext
from daemon.training.machine.facts import recall, remember

WORKED: Final = "answers_at_once"
MARK: Final = "answering"
"""Answers being generated now, 0 for none: a trainer that dies leaves it for the next to read."""


@dataclass(frozen=True)
class _Batch:
    """The answers of one batch by prompt number, and how it ended."""

    answers: Mapping[int, Answer]
    ending: Literal["complete", "interrupted", "memory"]


@dataclass(frozen=True)
class BatchedAnswering:
    """The engine as a scorer that stays within the available memory."""

    context: TrainerContext
    base: BaseFacts
    """The base model, as in a request."""

    def losses(self, rows: Sequence[Encoded]) -> list[tuple[float, int]]:
        """Return for each row the sum of its losses in nats, and its supervised tokens."""
        return self.context.engine.losses(rows)

    def answer(
        self,
        prompts: Sequence[Sequence[int]],
        limits: AnswerLimits,
        interrupted: Interrupted,
        on_answer: OnAnswer | None = None,
    ) -> list[Answer] | None:
        """Return the answers; None when interrupted.

        If memory runs out, finished answers stay and the others are generated again.
        """
        found: dict[int, Answer] = {}
        most = self._most(prompts, limits)
        while len(found) < len(prompts):
            left = [number for number in range(len(prompts)) if number not in found]
            batch = self._try(prompts, left, replace(limits, at_once=most), interrupted, on_answer)
            found |= batch.answers
            if batch.ending == "interrupted":
                return None
            if batch.ending == "memory":
                most = self._halve(most)
        return [found[number] for number in range(len(prompts))]

    def _most(self, prompts: Sequence[Sequence[int]], limits: AnswerLimits) -> int:
        longest = max(map(len, prompts), default=0)
        fitting = self.context.engine.answers_that_fit(longest, limits.tokens)
        return max(1, min(fitting, recall(self.context, self.base).get(WORKED) or ANSWERS_MOST))

    def _try(
        self,
        prompts: Sequence[Sequence[int]],
        left: Sequence[int],
        limits: AnswerLimits,
        interrupted: Interrupted,
        on_answer: OnAnswer | None,
    ) -> _Batch:
        """Generate the remaining answers until memory runs out or an interruption comes."""
        engine, found = self.context.engine, dict[int, Answer]()

        def ended(number: int, answer: Answer) -> None:
            found[left[number]] = answer
            if on_answer is not None:
                on_answer(left[number], answer)

        self._mark(limits.at_once)
        try:
            answers = engine.answer(
                [prompts[number] for number in left], limits, interrupted, ended
            )
        except Exception as error:
            if limits.at_once == 1 or engine.trouble(error) != "memory":
                raise
            return _Batch(found, "memory")
        finally:
            self._mark(0)
        if answers is None:
            return _Batch(found, "interrupted")
        # An engine need not report each answer as it ends.
        return _Batch(dict(zip(left, answers, strict=True)), "complete")

    def _mark(self, answers: int) -> None:
        remember(self.context, self.base, {MARK: answers})

    def _halve(self, most: int) -> int:
        """Free the memory of the failed batch and remember to generate fewer at once."""
        self.context.engine.rest()
        return halve(self.context, self.base, most)


def halve(context: TrainerContext, base: BaseFacts, most: int) -> int:
    """Halve the answers that this machine generates at once from now on."""
    fewer = max(1, most // 2)
    remember(context, base, {WORKED: fewer})
    message = f"memory ran out with {most} answers at once: from now on {fewer} are generated"
    context.pipe.send(say.Alerted("out_of_memory", message))
    return fewer


def take_answering_count(context: TrainerContext, base: BaseFacts) -> int:
    """Return how many answers the last trainer was generating when it died; reset the count."""
    count = recall(context, base).get(MARK, 0)
    if count:
        remember(context, base, {MARK: 0})
    return count
