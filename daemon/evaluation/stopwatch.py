"""Stands between an exam and the model, and counts what its answers took; changes no answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from daemon.core.evaluation.answers import Answer, AnswerLimits
from daemon.evaluation.scoring import Heard, Interrupted, Scorer
from daemon.text.encoder import Encoded


@dataclass
class Stopwatch:
    """A scorer that measures another one."""

    scorer: Scorer
    now_s: Callable[[], float]
    """Monotonic seconds."""
    waited_s: Callable[[], float]
    """Seconds that were spent waiting while work went on: a pause is no time of the model's."""
    answers: int = field(default=0, init=False)
    tokens: int = field(default=0, init=False)
    """With the one that ends an answer."""
    seconds: float = field(default=0.0, init=False)

    def losses(self, rows: Sequence[Encoded]) -> list[tuple[float, int]]:
        """Return the losses; their time is not counted."""
        return self.scorer.losses(rows)

    def answer(
        self,
        prompts: Sequence[Sequence[int]],
        limits: AnswerLimits,
        interrupted: Interrupted,
        heard: Heard | None = None,
    ) -> list[Answer] | None:
        """Return the answers; None when interrupted."""
        began_s, waited_s = self.now_s(), self.waited_s()
        said = self.scorer.answer(prompts, limits, interrupted, heard)
        if said is not None:
            self.seconds += self.now_s() - began_s - (self.waited_s() - waited_s)
            self.answers += len(said)
            self.tokens += sum(one.tokens + one.ended for one in said if one.tokens)
        return said
