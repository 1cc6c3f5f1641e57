"""Evaluations within a budget of time."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from daemon.core.evaluation.answers import Answer, AnswerLimits
from daemon.core.evaluation.suites import SuiteItem
from daemon.core.rows.examples import Turn
from daemon.evaluation.periodic import Evaluation
from daemon.evaluation.questions import Question
from daemon.evaluation.scoring import OnAnswer, chunks
from daemon.text.encoder import Encoded
from tests.clocks import StillClock


class SlowModel:
    """Takes a second for each row and each prompt."""

    def __init__(self, clock: StillClock) -> None:
        self._clock = clock

    def losses(self, rows: Sequence[Encoded]) -> list[tuple[float, int]]:
        self._clock.pass_s(len(rows))
        return [(2.0 * len(row.tokens), len(row.tokens)) for row in rows]

    def answer(
        self,
        prompts: Sequence[Sequence[int]],
        limits: AnswerLimits,
        interrupted: Callable[[], bool],
        on_answer: OnAnswer | None = None,
    ) -> list[Answer] | None:
        self._clock.pass_s(len(prompts))
        return None if interrupted() else [Answer("yes")] * len(prompts)


ROWS = [Encoded(np.zeros(n + 1, np.int32), np.ones(n + 1, bool)) for n in range(12)]
PROMPTS = [
    Question(
        "samples",
        SuiteItem(f"{n}", 0, (Turn("user", f"q{n}"),), ("yes" if n % 2 else "no",)),
        "exact",
        (1,),
        5,
        "job",
    )
    for n in range(16)
]


class Uneven(SlowModel):
    """Finds each row harder than the one before."""

    def losses(self, rows: Sequence[Encoded]) -> list[tuple[float, int]]:
        super().losses(rows)
        return [(1.0 + len(row.tokens), 1) for row in rows]


def measure(
    budget_s: float, rows: Sequence[Encoded] = ROWS, model: type[SlowModel] = SlowModel
) -> tuple[int, int, float | None]:
    clock = StillClock()
    found = Evaluation(model(clock), clock, AnswerLimits(5), lambda: False).measure(
        3, rows, PROMPTS, budget_s
    )
    assert found is not None
    return len(found.samples), found.left_out, found.validation_loss


def test_with_time_enough_nothing_is_left_out() -> None:
    assert measure(1000.0) == (16, 0, 2.0)


def test_without_any_time_the_first_prompts_are_answered_all_the_same() -> None:
    assert measure(0.0) == (8, 8, 2.0)


@pytest.mark.parametrize("budget_s", [0.0, 14.0, 32.0, 1000.0])
def test_the_validation_loss_is_of_the_same_rows_whatever_the_time(budget_s: float) -> None:
    """One and the same model showed 1.5, 3.5 and 7.5, by how many rows there was time for."""
    assert measure(budget_s, model=Uneven)[2] == 7.5


def test_without_rows_there_is_no_validation_loss() -> None:
    assert measure(1000.0, ()) == (16, 0, None)


def test_samples_tell_which_answers_were_right() -> None:
    clock = StillClock()
    found = Evaluation(SlowModel(clock), clock, AnswerLimits(5), lambda: False).measure(
        3, (), PROMPTS, 1e3
    )
    assert found is not None
    assert [sample.matches for sample in found.samples] == [False, True] * 8


def test_an_interrupted_evaluation_has_no_findings() -> None:
    clock = StillClock()
    model = SlowModel(clock)
    assert (
        Evaluation(model, clock, AnswerLimits(5), lambda: True).measure(3, ROWS, PROMPTS, 1e3)
        is None
    )


def test_rows_are_scored_in_parts_that_do_not_take_longer_than_a_stop() -> None:
    """Four rows of 2,048 tokens were one piece of work: on a small GPU longer than a stop waits."""
    lengths = [10, 20, 30, 40, 50, 1500, 600, 4000, 7, 8]
    rows = [Encoded(np.zeros(n, np.int32), np.ones(n, bool)) for n in lengths]
    parts = [[len(row.tokens) for row in part] for part in chunks(rows)]
    assert parts == [[10, 20, 30, 40], [50, 1500], [600], [4000], [7, 8]]
    assert not list(chunks([]))
