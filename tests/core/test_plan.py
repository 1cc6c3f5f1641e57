"""Which rows make up each step, and how they are padded."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from daemon.core.plan import MOST_WIDTHS, Plan, mix, passes, width_of, widths

LENGTHS = st.lists(st.integers(1, 2000), min_size=1, max_size=80)


@given(LENGTHS, st.integers(1, 9), st.integers(1, 3), st.integers(0, 99))
def test_every_row_is_trained_once_in_each_epoch(
    lengths: list[int], batch_rows: int, epochs: int, seed: int
) -> None:
    plan = Plan(lengths, batch_rows, epochs, seed)
    seen: Counter[tuple[int, int]] = Counter()
    for index in range(plan.steps):
        batch = plan.batch(index)
        assert 1 <= len(batch.rows) <= batch_rows
        seen.update((batch.epoch, row) for row in batch.rows)
    expected = {(e, r) for e in range(1, epochs + 1) for r in range(len(lengths))}
    assert seen == Counter(dict.fromkeys(expected, 1))


@given(LENGTHS, st.integers(0, 99))
def test_a_batch_is_the_same_whatever_was_asked_before(lengths: list[int], seed: int) -> None:
    plan = Plan(lengths, 4, 2, seed)
    forwards = [plan.batch(index) for index in range(plan.steps)]
    fresh = [Plan(lengths, 4, 2, seed).batch(index) for index in reversed(range(plan.steps))]
    assert forwards == fresh[::-1]


def test_another_seed_and_another_epoch_give_another_order() -> None:
    plan = Plan([5] * 40, 4, 2, 1)
    first = [plan.batch(index).rows for index in range(10)]
    assert first != [plan.batch(index).rows for index in range(10, 20)]
    assert first != [Plan([5] * 40, 4, 2, 2).batch(index).rows for index in range(10)]


@given(LENGTHS)
def test_there_are_at_most_eight_widths_and_every_row_fits(lengths: list[int]) -> None:
    allowed = widths(lengths)
    assert len(allowed) <= MOST_WIDTHS
    assert all(width % 8 == 0 for width in allowed)
    for length in lengths:
        assert width_of(length, allowed) in allowed
        assert width_of(length, allowed) >= length


def test_a_row_longer_than_all_widths_gets_a_width_of_its_own() -> None:
    assert width_of(100, (8, 64)) == 128


@given(LENGTHS, st.integers(16, 4096))
def test_passes_cover_the_step_and_keep_to_their_tokens(
    lengths: list[int], pass_tokens: int
) -> None:
    allowed = widths(lengths)
    found = passes(range(len(lengths)), lengths, allowed, pass_tokens)
    assert sorted(row for item in found for row in item.rows) == list(range(len(lengths)))
    for item in found:
        assert item.width in allowed
        assert all(lengths[row] <= item.width for row in item.rows)
        assert len(item.rows) == 1 or item.width * len(item.rows) <= pass_tokens


def test_rows_of_unlike_lengths_are_not_padded_to_the_longest() -> None:
    lengths = [800, 16, 16, 16, 16, 16, 16, 16]
    found = passes(range(8), lengths, widths(lengths), 10_000)
    assert sum(item.width * len(item.rows) for item in found) == 800 + 7 * 16


def test_little_padding_is_cheaper_than_one_more_pass() -> None:
    assert len(passes(range(4), [32, 32, 24, 24], (24, 32), 10_000)) == 1


def test_mixed_seeds_are_stable_for_ever() -> None:
    assert mix(42, "order", 0) == mix(42, "order", 0) != mix(42, "order", 1)
    assert mix(42, "step", 7) == 7266685084798615364
    assert 0 <= mix(0) < 2**63
