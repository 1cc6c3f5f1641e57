"""Which texts make up each step."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from daemon.core.training.plan import Plan, draws_of, mix, steps_of

LENGTHS = st.lists(st.integers(1, 2000), min_size=1, max_size=80)


@given(
    LENGTHS,
    st.integers(1, 9),
    st.integers(1, 3),
    st.integers(0, 99),
    st.integers(0, 300),
    st.booleans(),
)
def test_every_text_is_trained_once_in_each_epoch_and_every_draw_once(
    lengths: list[int], batch_rows: int, epochs: int, seed: int, draws: int, by_length: bool
) -> None:
    """Invariant I2."""
    plan = Plan(lengths, batch_rows, epochs, seed, draws, by_length)
    assert plan.steps == steps_of(len(lengths), batch_rows, epochs)
    seen: Counter[tuple[int, int]] = Counter()
    drawn: list[int] = []
    for index in range(plan.steps):
        batch = plan.batch(index)
        assert 1 <= len(batch.own) <= batch_rows
        seen.update((batch.epoch, row) for row in batch.own)
        drawn += batch.replayed
    expected = {(e, r) for e in range(1, epochs + 1) for r in range(len(lengths))}
    assert seen == Counter(dict.fromkeys(expected, 1))
    assert drawn == list(range(draws))


@given(LENGTHS, st.integers(0, 99))
def test_a_batch_is_the_same_whatever_was_asked_before(lengths: list[int], seed: int) -> None:
    plan = Plan(lengths, 4, 2, seed, 7)
    forwards = [plan.batch(index) for index in range(plan.steps)]
    fresh = [Plan(lengths, 4, 2, seed, 7).batch(index) for index in reversed(range(plan.steps))]
    assert forwards == fresh[::-1]


class Interrupted(Plan):
    """Another thread asks for a step of another epoch while this one is being answered."""

    other: int | None = None

    def drawn(self, steps: int) -> int:
        if self.other is not None:
            other, self.other = self.other, None
            self.batch(other)
        return super().drawn(steps)


def test_a_batch_is_the_same_whatever_another_thread_asks_in_between() -> None:
    """The order of the epoch asked last was used: a step got the rows of another epoch's step."""
    alone = Plan([5] * 40, 4, 3, 1)
    plan = Interrupted([5] * 40, 4, 3, 1)
    for index in range(30):
        for other in (0, 9, 10, 19, 20, 29):
            plan.other = other
            assert plan.batch(index) == alone.batch(index)


def test_another_epoch_has_the_same_steps_in_another_order() -> None:
    plan = Plan([5] * 40, 4, 2, 1)
    first = [plan.batch(index).own for index in range(10)]
    second = [plan.batch(index).own for index in range(10, 20)]
    assert first != second and sorted(first) == sorted(second)
    assert first != [Plan([5] * 40, 4, 2, 2).batch(index).own for index in range(10)]


def test_draws_are_spread_over_the_run() -> None:
    plan = Plan([5] * 80, 8, 2, 1, draws=20)
    assert [len(plan.batch(index).replayed) for index in range(20)] == [1] * 20
    plan = Plan([5] * 80, 8, 2, 1, draws=30)
    assert {len(plan.batch(index).replayed) for index in range(20)} == {1, 2}


def test_the_share_of_draws_is_that_of_all_rows() -> None:
    assert draws_of(90, 1, 0.1) == 10
    assert draws_of(50, 2, 0.5) == 100
    assert draws_of(50, 2, 0.0) == 0


def test_texts_that_cannot_share_a_row_lie_beside_their_like() -> None:
    lengths = [number % 50 + 1 for number in range(200)]

    def spread(plan: Plan) -> int:
        batches = [[lengths[text] for text in plan.batch(index).own] for index in range(plan.steps)]
        return sum(max(batch) - min(batch) for batch in batches)

    assert spread(Plan(lengths, 8, 1, 1, by_length=True)) * 4 < spread(Plan(lengths, 8, 1, 1))


def test_mixed_seeds_are_stable_for_ever() -> None:
    """Fault T17."""
    assert mix(42, "order", 0) == mix(42, "order", 0) != mix(42, "order", 1)
    assert mix(42, "step", 7) == 7266685084798615364
    assert 0 <= mix(0) < 2**63
