"""The best fall followed by a rise, and how much its turn explains."""

import numpy as np
import pytest

from daemon.analysis.curves.valley import valley


def test_a_fall_and_a_rise_without_noise_have_a_turn_that_explains_everything() -> None:
    found = valley(np.array([3.0, 2.0, 1.0, 2.0, 3.0]))
    assert (found.lowest, found.least, found.doubt) == (2, 1.0, 0.0)


def test_neighbours_that_disagree_are_pooled_into_their_mean() -> None:
    found = valley(np.array([4.0, 1.0, 2.0, 0.5, 3.0, 5.0]))
    assert (found.lowest, found.least) == (3, 0.5)
    # A fall alone pools all behind the first: 4, then the mean 2.3 of 1, 2, 0.5, 3 and 5.
    assert found.doubt == pytest.approx(0.5 / 12.8)


@pytest.mark.parametrize("value", [0.1, 1.0 / 3.0, 0.0, 2.7e5])
@pytest.mark.parametrize("count", [1, 3, 28, 150])
def test_rounding_is_no_turn_of_a_flat_curve(value: float, count: int) -> None:
    """Fault: the mean of equal values differs from them by a bit, which looked like a shape."""
    assert valley(np.full(count, value)).doubt == 1.0


def test_a_fall_without_a_turn_leaves_nothing_to_explain() -> None:
    assert valley(np.linspace(3.0, 1.0, 40)).doubt == 1.0
