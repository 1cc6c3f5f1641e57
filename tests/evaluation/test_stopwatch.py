"""What answers took is counted without what was waited."""

from collections.abc import Sequence

from daemon.core.evaluation.answers import Answer, AnswerLimits
from daemon.evaluation.scoring import Interrupted, OnAnswer
from daemon.evaluation.stopwatch import Stopwatch
from daemon.text.encoder import Encoded


class Slow:
    """Takes ten seconds, of which four are a pause."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.waited_s = 7.0

    def losses(self, rows: Sequence[Encoded]) -> list[tuple[float, int]]:
        self.now_s += 50.0
        return [(1.0, 1) for _ in rows]

    def answer(
        self,
        prompts: Sequence[Sequence[int]],
        limits: AnswerLimits,
        interrupted: Interrupted,
        on_answer: OnAnswer | None = None,
    ) -> list[Answer] | None:
        self.now_s += 10.0
        self.waited_s += 4.0
        if interrupted():
            return None
        return [Answer("x", 5), Answer("y", 7, ended=False)]


def test_only_the_time_of_answers_counts_and_a_pause_does_not() -> None:
    slow = Slow()
    watch = Stopwatch(slow, lambda: slow.now_s, lambda: slow.waited_s)
    watch.losses([])
    said = watch.answer([(1,), (2,)], AnswerLimits(8), lambda: False)
    assert said == [Answer("x", 5), Answer("y", 7, ended=False)]
    assert (watch.answers, watch.tokens, watch.seconds) == (2, 13, 6.0)


def test_what_was_interrupted_is_not_counted() -> None:
    slow = Slow()
    watch = Stopwatch(slow, lambda: slow.now_s, lambda: slow.waited_s)
    assert watch.answer([(1,)], AnswerLimits(8), lambda: True) is None
    assert (watch.answers, watch.seconds) == (0, 0.0)
