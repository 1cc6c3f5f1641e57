"""Has a model answer as many prompts side by side as there is memory for; half as many where not.

Memory that runs out here says nothing of the steps of training: what worked is remembered by
device and base in `models/machine.json`, and the memory ladder stays where it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from daemon.core import messages as say
from daemon.core.evaluation.answer_memory import ANSWERS_MOST
from daemon.core.evaluation.answers import Answer, AnswerLimits
from daemon.core.workspace.bases import BaseFacts
from daemon.evaluation.scoring import Interrupted, OnAnswer
from daemon.text.encoder import Encoded
from daemon.training.context import TrainerContext
from daemon.training.machine.facts import recall, remember

WORKED = "answers_at_once"
MARK = "answering"
"""So many are in the making; 0 for none. A trainer that dies leaves it, and the next one reads."""


@dataclass(frozen=True)
class _Some:
    """The answers there are by place, and why there are no more."""

    answers: Mapping[int, Answer]
    why: Literal["whole", "interrupted", "memory"]


@dataclass(frozen=True)
class BatchedAnswering:
    """The engine as a scorer that keeps to the memory there is."""

    context: TrainerContext
    base: BaseFacts
    """The base model, as a request has it."""

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

        Where memory runs out those that have ended stay, and the rest is asked for again.
        """
        found: dict[int, Answer] = {}
        most = self._most(prompts, limits)
        while len(found) < len(prompts):
            left = [place for place in range(len(prompts)) if place not in found]
            more = self._try(prompts, left, replace(limits, at_once=most), interrupted, on_answer)
            found |= more.answers
            if more.why == "interrupted":
                return None
            if more.why == "memory":
                most = self._halve(most)
        return [found[place] for place in range(len(prompts))]

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
    ) -> _Some:
        """Have those that are left answered, as far as it goes."""
        engine, found = self.context.engine, dict[int, Answer]()

        def ended(number: int, said: Answer) -> None:
            found[left[number]] = said
            if on_answer is not None:
                on_answer(left[number], said)

        self._mark(limits.at_once)
        try:
            said = engine.answer([prompts[p] for p in left], limits, interrupted, ended)
        except Exception as error:
            if limits.at_once == 1 or engine.trouble(error) != "memory":
                raise
            return _Some(found, "memory")
        finally:
            self._mark(0)
        if said is None:
            return _Some(found, "interrupted")
        # An engine need not tell each as it ends.
        return _Some(dict(zip(left, said, strict=True)), "whole")

    def _mark(self, answers: int) -> None:
        remember(self.context, self.base, {MARK: answers})

    def _halve(self, most: int) -> int:
        """Note that fewer are made from now on, and give back what was taken for the rest."""
        self.context.engine.rest()
        return halve(self.context, self.base, most)


def halve(context: TrainerContext, base: BaseFacts, most: int) -> int:
    """Have half as many answers made side by side on this machine from now on."""
    fewer = max(1, most // 2)
    remember(context, base, {WORKED: fewer})
    message = f"memory ran out with {most} answers in the making: {fewer} are made at once now"
    context.pipe.send(say.Alerted("out_of_memory", message))
    return fewer


def died_answering(context: TrainerContext, base: BaseFacts) -> int:
    """Return how many answers the last trainer had in the making as it died, and forget it."""
    count = int(recall(context, base).get(MARK) or 0)
    if count:
        remember(context, base, {MARK: 0})
    return count
