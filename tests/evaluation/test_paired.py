"""The paired one-sided tests."""

import numpy as np
import pytest
from scipy.stats import binomtest, permutation_test

from daemon.evaluation.paired import compare, compare_right


def test_few_items_are_tested_by_all_assignments_of_signs() -> None:
    found = compare([0.0] * 5, [1.0, 2.0, 0.5, 0.7, 3.0])
    assert found.p_better == 1 / 32
    assert found.p_worse == 1.0
    assert found.mean_change == pytest.approx(-1.44)


def test_the_exact_test_agrees_with_scipys() -> None:
    changes = np.array([0.3, -0.1, 0.5, 0.2, -0.4, 0.6, 0.1])
    expected = permutation_test(
        (changes, np.zeros(7)), lambda a, b: float(np.sum(a - b)), permutation_type="samples",
        n_resamples=np.inf, alternative="greater",
    ).pvalue  # fmt: skip
    assert compare(list(changes), [0.0] * 7).p_worse == pytest.approx(expected)


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
