"""A scorer that measures the time and tokens of another scorer's answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from daemon.core.evaluation.answers import Answer, AnswerLimits
from daemon.evaluation.scoring import Interrupted, OnAnswer, Scorer
from daemon.text.encoder import Encoded


@dataclass
class Stopwatch:
    """Wraps a scorer and measures its answers."""

    scorer: Scorer
    now_s: Callable[[], float]
    """Monotonic seconds."""
    waited_s: Callable[[], float]
    """Seconds spent waiting, as in a pause: these are not the model's time."""
    answers: int = field(default=0, init=False)
    tokens: int = field(default=0, init=False)
    """Including the end token of each answer."""
    seconds: float = field(default=0.0, init=False)

    def losses(self, rows: Sequence[Encoded]) -> list[tuple[float, int]]:
        """Return the losses; their time is not counted."""
        return self.scorer.losses(rows)

    def answer(
        self,
        prompts: Sequence[Sequence[int]],
        limits: AnswerLimits,
        interrupted: Interrupted,
        on_answer: OnAnswer | None = None,
    ) -> list[Answer] | None:
        """Return the answers; None when interrupted."""
        began_s, waited_s = self.now_s(), self.waited_s()
        found = self.scorer.answer(prompts, limits, interrupted, on_answer)
        if found is not None:
            self.seconds += self.now_s() - began_s - (self.waited_s() - waited_s)
            self.answers += len(found)
            self.tokens += sum(one.tokens + one.ended for one in found if one.tokens)
        return found
