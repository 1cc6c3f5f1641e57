"""The paired one-sided tests."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import binomtest, rankdata, wilcoxon

from daemon.evaluation.paired import EXACT_UP_TO, compare, compare_right


def enumerated(changes: np.ndarray) -> tuple[float, float]:
    """Return the chances of sums of signed ranks as great, and as small, over all signs."""
    ranks = rankdata(np.abs(changes))
    signs = np.array(list(product((-1.0, 1.0), repeat=len(changes))))
    sums, seen = signs @ ranks, float(np.sign(changes) @ ranks)
    return float(np.mean(sums >= seen - 1e-9)), float(np.mean(sums <= seen + 1e-9))


@pytest.mark.parametrize("count", range(1, 13))
def test_the_chances_are_those_of_all_assignments_of_signs(count: int) -> None:
    """Three equal changes among 20 items gave p = 0.042, where three tosses give 0.125."""
    random = np.random.default_rng(count)
    signs = random.choice((-1.0, 1.0), count)
    for changes in (
        random.normal(0.2, 1.0, count),
        signs * random.integers(1, 4, count) / 3.0,
        signs * random.integers(1, 3, count) * 0.1,
        np.full(count, 0.25),
        np.full(count, -0.7),
    ):
        greater, smaller = enumerated(changes)
        for zeros in range(61):
            values = np.concatenate([changes, np.zeros(zeros)])
            # Neither where the zeros stand nor what the values were counts.
            before = np.round(random.normal(2.0, 1.0, len(values)), 3)
            places = random.permutation(len(values))
            after = (before + values)[places]
            found = compare(after.tolist(), before[places].tolist())
            assert found.p_worse == pytest.approx(greater, rel=1e-9), (changes, zeros)
            assert found.p_better == pytest.approx(smaller, rel=1e-9), (changes, zeros)


def test_few_items_are_tested_by_all_assignments_of_signs() -> None:
    found = compare([0.0] * 5, [1.0, 2.0, 0.5, 0.7, 3.0])
    assert found.p_better == 1 / 32
    assert found.p_worse == 1.0
    assert found.mean_change == pytest.approx(-1.44)


def test_the_exact_test_agrees_with_scipys_where_no_two_changes_are_equal() -> None:
    changes = np.random.default_rng(4).normal(0.1, 1.0, 40)
    expected = wilcoxon(changes, alternative="greater", method="exact").pvalue
    assert compare(changes.tolist(), [0.0] * 40).p_worse == pytest.approx(expected)


def test_very_many_changes_are_tested_by_the_normal_form_which_hardly_differs() -> None:
    random = np.random.default_rng(9)
    changes = random.choice([-4, -3, -2, -1, 1, 2, 3, 4], EXACT_UP_TO) / 8.0
    most = compare(changes.tolist(), [0.0] * EXACT_UP_TO)
    beyond = compare([*changes.tolist(), 0.001], [0.0] * (EXACT_UP_TO + 1))
    assert 0.001 < most.p_worse < 0.2
    assert beyond.p_worse == pytest.approx(most.p_worse, rel=0.05)


# --- families -------------------------------------------------------------------------------------


def test_the_items_of_a_family_are_one_change() -> None:
    """Fifty families of four variants without an effect were called better in a fifth of cases."""
    after = [0.5, 0.7, 0.9, 1.0, 2.0, 0.4]
    found = compare(after, [1.0] * 6, ["a", "a", "a", "b", "b", None])
    alone = compare([0.7, 1.5, 0.4], [1.0] * 3)
    assert (found.items, found.families, alone.items, alone.families) == (6, 3, 3, None)
    assert found.p_better == alone.p_better and found.p_worse == alone.p_worse
    assert found.mean_change == pytest.approx(alone.mean_change)


def test_families_of_one_item_each_change_nothing() -> None:
    random = np.random.default_rng(5)
    new, old = random.random((2, 30)).tolist()
    assert compare(new, old, list(range(30))) == compare(new, old, [None] * 30) == compare(new, old)
    right, wrong = (random.random((2, 30)) < 0.5).tolist()
    assert compare_right(right, wrong, [str(n) for n in range(30)]) == compare_right(right, wrong)


def test_right_answers_of_a_family_count_as_its_mean_change() -> None:
    """Four variants that all become right are one toss, not four."""
    new, old = [True] * 12, [False] * 12
    found = compare_right(new, old, [number // 4 for number in range(12)])
    assert found.p_better == 1 / 8 and (found.items, found.families) == (12, 3)
    mixed = compare_right([True, False, True], [False, True, False], [1, 1, 2])
    assert mixed.p_better == 0.5 and mixed.mean_change == 0.5


def test_a_label_for_each_item_is_needed() -> None:
    with pytest.raises(ValueError, match="families of 1"):
        compare([1.0, 2.0], [1.0, 1.0], ["a"])


def test_many_items_that_all_improve_are_a_proof() -> None:
    found = compare([1.0 + n / 100 for n in range(30)], [1.5 + n / 90 for n in range(30)])
    assert found.p_better < 1e-6 and found.p_worse > 0.99


def test_no_change_at_all_proves_nothing() -> None:
    found = compare([1.0] * 12, [1.0] * 12)
    assert (found.mean_change, found.p_better, found.p_worse) == (0.0, 1.0, 1.0)


def test_zeros_among_the_changes_are_no_error() -> None:
    changes = [0.0] * 6 + [0.1, 0.2, -0.1, 0.3, 0.4, 0.5]
    found = compare(changes, [0.0] * 12)
    assert 0.0 < found.p_worse < 0.5 < found.p_better


def test_nothing_to_compare_is_refused() -> None:
    with pytest.raises(ValueError):
        compare([], [])


def test_where_higher_is_better_the_directions_change_places() -> None:
    new, old = [0.1, 0.5, 0.7, 0.9, 0.2], [0.0, 0.4, 0.8, 0.1, 0.1]
    lower, higher = compare(new, old), compare(new, old, higher_is_better=True)
    assert (lower.p_better, lower.p_worse) == (higher.p_worse, higher.p_better)
    assert lower.mean_change == higher.mean_change


def test_right_answers_are_compared_by_the_exact_binomial_test() -> None:
    """McNemar's: scipy's binomial test over the items on which the two differ."""
    generator = np.random.default_rng(3)
    for _ in range(500):
        new, old = generator.random((2, int(generator.integers(1, 60)))) < generator.random()
        gained, lost = int(np.sum(new & ~old)), int(np.sum(old & ~new))
        found = compare_right(new.tolist(), old.tolist())
        wanted = 1.0
        if gained + lost:
            wanted = binomtest(gained, gained + lost, alternative="greater").pvalue
        assert found.p_better == pytest.approx(wanted)
        assert found.mean_change == pytest.approx((gained - lost) / len(new))


def test_the_same_answers_right_prove_nothing() -> None:
    found = compare_right([True, False], [True, False])
    assert (found.mean_change, found.p_better, found.p_worse) == (0.0, 1.0, 1.0)
