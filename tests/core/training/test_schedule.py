"""The learning rate, step by step."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.training.schedule import Schedule, rate

USUAL = Schedule(
    peak=1.0, warmup_steps=4, rewarm_steps=2, decay_share=0.2, decay_floor=0.1, carry="decay"
)


def rates(start: int, steps: int, schedule: Schedule = USUAL) -> list[float]:
    return [round(rate(schedule, start + n, n, steps), 6) for n in range(1, steps + 1)]


def test_a_first_run_climbs_stays_and_falls() -> None:
    assert rates(0, 10) == [0.25, 0.5, 0.75, 1, 1, 1, 1, 1, 0.55, 0.1]


def test_a_later_run_climbs_back_from_the_floor() -> None:
    assert rates(10, 10) == [0.55, 1, 1, 1, 1, 1, 1, 1, 0.55, 0.1]


def test_a_later_run_begins_at_the_peak_where_the_schedule_is_kept() -> None:
    kept = Schedule(1.0, warmup_steps=4, rewarm_steps=2, decay_share=0.2, decay_floor=0.1)
    assert rates(10, 10, kept) == [1, 1, 1, 1, 1, 1, 1, 1, 0.55, 0.1]


def test_warm_up_goes_on_over_runs_until_it_is_done() -> None:
    assert rates(2, 3) == [0.55, 1.0, 1.0]
    slow = Schedule(1.0, warmup_steps=10, rewarm_steps=0, decay_share=0.0, decay_floor=0.0)
    assert rates(4, 3, slow) == [0.5, 0.6, 0.7]


def test_where_climbing_and_falling_overlap_the_lower_holds() -> None:
    tiny = Schedule(1.0, warmup_steps=4, rewarm_steps=2, decay_share=1.0, decay_floor=0.1)
    assert rates(0, 4, tiny) == [0.25, 0.5, 0.325, 0.1]


def test_a_run_too_short_to_fall_keeps_its_rate() -> None:
    assert rates(100, 1) == [0.55]
    assert rates(100, 4)[-1] == 1.0


@given(
    st.integers(0, 50),
    st.integers(1, 60),
    st.integers(0, 20),
    st.integers(0, 20),
    st.floats(0.0, 1.0),
    st.floats(0.0, 1.0),
)
def test_the_rate_is_never_above_the_peak_nor_below_zero(
    start: int, steps: int, warmup: int, rewarm: int, share: float, floor: float
) -> None:
    schedule = Schedule(3e-4, warmup, rewarm, share, floor)
    found = [rate(schedule, start + n, n, steps) for n in range(1, steps + 1)]
    assert all(0.0 <= value <= 3e-4 * (1 + 1e-9) for value in found)
    if int(share * steps + 1e-9):
        assert found[-1] <= 3e-4 * floor * (1 + 1e-9) + 1e-12


@pytest.mark.parametrize("steps", [5, 10, 100])
def test_a_run_ends_at_the_floor(steps: int) -> None:
    assert rates(1000, steps)[-1] == pytest.approx(0.1)
