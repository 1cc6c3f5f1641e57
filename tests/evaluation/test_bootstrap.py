"""The interval of a difference of losses."""

import numpy as np
import pytest

from daemon.evaluation.bootstrap import by_family, interval

RANDOM = np.random.default_rng(5)


def rows(losses: list[float], tokens: list[int]) -> list[tuple[float, int]]:
    return [(loss * count, count) for loss, count in zip(losses, tokens, strict=True)]


TOKENS = [int(count) for count in RANDOM.integers(1, 40, 64)]
LOSSES = [float(loss) for loss in RANDOM.uniform(0.5, 4.0, 64)]


def test_an_equal_gain_on_every_row_is_certain_however_much_the_rows_differ() -> None:
    better = [loss - 0.1 for loss in LOSSES]
    low, high = interval(rows(better, TOKENS), rows(LOSSES, TOKENS), 0.95, 1)
    assert low == pytest.approx(-0.1) and high == pytest.approx(-0.1)


def test_noise_without_a_gain_holds_0_and_a_higher_level_is_wider() -> None:
    noisy = [loss + float(RANDOM.normal(0.0, 0.2)) for loss in LOSSES]
    low, high = interval(rows(noisy, TOKENS), rows(LOSSES, TOKENS), 0.95, 1)
    wide_low, wide_high = interval(rows(noisy, TOKENS), rows(LOSSES, TOKENS), 0.999, 1)
    assert wide_low < low < 0.0 < high < wide_high


def test_the_interval_is_as_wide_as_theory_says() -> None:
    changes = RANDOM.normal(0.0, 1.0, 400)
    even = [10] * 400
    candidate = rows([float(change) for change in changes], even)
    low, high = interval(candidate, rows([0.0] * 400, even), 0.95, 1)
    assert high - low == pytest.approx(2 * 1.96 * changes.std() / 20.0, rel=0.05)


def test_the_same_seed_gives_the_same_interval() -> None:
    pair = (rows([loss * 0.9 for loss in LOSSES], TOKENS), rows(LOSSES, TOKENS))
    assert interval(*pair, 0.95, 1) == interval(*pair, 0.95, 1)
    assert interval(*pair, 0.95, 1) != interval(*pair, 0.95, 2)


def test_sides_that_were_not_measured_on_the_same_rows_are_refused() -> None:
    with pytest.raises(ValueError):
        interval(rows([1.0], [2]), rows([1.0], [3]), 0.95, 1)
    with pytest.raises(ValueError):
        interval([], [], 0.95, 1)


def test_variants_of_one_question_are_drawn_as_one() -> None:
    """Four variants with one and the same change made an interval half as wide as it is."""
    losses = [loss for loss in LOSSES[:16] for _ in range(4)]
    noise = [float(change) for change in RANDOM.normal(0.0, 0.2, 16) for _ in range(4)]
    new = rows([loss + change for loss, change in zip(losses, noise, strict=True)], [5] * 64)
    old, families = rows(losses, [5] * 64), [number // 4 for number in range(64)]
    low, high = interval(new, old, 0.95, 1)
    wide_low, wide_high = interval(by_family(new, families), by_family(old, families), 0.95, 1)
    assert wide_high - wide_low == pytest.approx(2 * (high - low), rel=0.1)


def test_rows_that_are_families_of_their_own_stay_as_they_are() -> None:
    some = rows(LOSSES, TOKENS)
    assert by_family(some, None) is some
    assert by_family(some, [None] * len(some)) == some
    assert by_family([], []) == []
