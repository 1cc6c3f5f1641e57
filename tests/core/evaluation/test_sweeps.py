"""What is tried, when a sweep is over, and what may be said of it."""

from dataclasses import replace
from typing import Any

import pytest

from daemon.core.evaluation.sweeps import (
    MEASUREMENTS,
    Choice,
    Difference,
    Setting,
    Span,
    SweepRequest,
    Trial,
    best_of,
    describe,
    first_settings,
    level_of_each,
    measurement_of,
    measurements,
    space_around,
    verdict,
    why_over,
)
from daemon.core.records import from_json_value, to_json_value
from tests.manifests import BASE
from tests.orders import sweep_request

DEFAULT: Setting = {
    "learning_rate": 5e-4,
    "batch_rows": 8,
    "decay_share": 0.2,
    "rank": 16,
    "scale": 2.0,
    "num_layers": 16,
}
SHAPE = {"rank", "scale", "num_layers"}


def trial(number: int, loss: float = 1.0, **changes: Any) -> Trial:
    plain = Trial(number, DEFAULT, "finished", ((0.5, 2.0), (1.0, loss)), ((loss, 1),), 4, 10.0)
    return replace(plain, **changes)


def request(**changes: Any) -> SweepRequest:
    return replace(sweep_request(BASE, DEFAULT, seed=1, trials=3, rows=8, space={}), **changes)


def test_every_default_lies_in_its_own_space() -> None:
    for key, searched in space_around(DEFAULT, 30, True).items():
        match searched.range:
            case Span(low, high):
                assert low < float(DEFAULT[key]) < high
            case Choice(values):
                assert DEFAULT[key] in values and len(set(values)) == len(values)


def test_the_shape_of_the_adapter_is_searched_only_where_it_is_free() -> None:
    assert set(space_around(DEFAULT, 30, True)) - set(space_around(DEFAULT, 30, False)) == SHAPE


@pytest.mark.parametrize("rate", [1e-6, 5e-4, 0.5, 1.0])
def test_no_rate_leaves_the_range_of_the_setting(rate: float) -> None:
    default = {**DEFAULT, "learning_rate": rate}
    searched = space_around(default, 30, True)["learning_rate"].range
    assert isinstance(searched, Span) and 0.0 < searched.low <= searched.high <= 1.0
    for setting in first_settings(default):
        assert searched.low <= float(setting["learning_rate"]) <= searched.high


def test_the_first_three_differ_in_the_rate_alone_by_equal_factors() -> None:
    rates = (setting["learning_rate"] for setting in first_settings(DEFAULT))
    default, lower, higher = map(float, rates)
    assert default / lower == pytest.approx(higher / default, rel=0.01)
    assert [describe(s, DEFAULT) for s in first_settings(DEFAULT)] == [
        "the setting in force",
        "learning_rate 0.000158",
        "learning_rate 0.00158",
    ]


@pytest.mark.parametrize("steps", range(1, 40))
def test_the_last_measurement_is_at_the_last_step_and_shares_give_their_numbers(steps: int) -> None:
    found = measurements(steps)
    assert {step: measurement_of(step / steps) for step in found} == found
    assert found[steps] == MEASUREMENTS and max(found) == steps and min(found) >= 1


def test_a_sweep_is_over_when_its_trials_or_its_minutes_are() -> None:
    assert why_over(request(), []) is None
    assert why_over(request(), [trial(1), trial(2)]) is None
    assert "all 3 trials" in (why_over(request(), [trial(1), trial(2), trial(3)]) or "")
    assert why_over(request(minutes=1.0), [trial(1, seconds=59.0)]) is None
    assert "1 minutes" in (why_over(request(minutes=1.0), [trial(1, seconds=60.0)]) or "")


def test_without_a_finished_first_trial_there_is_nothing_to_compare_with() -> None:
    failed = trial(1, outcome="failed", rows=(), why="no memory")
    assert "no memory" in (why_over(request(), [failed]) or "")


def test_a_pruned_trial_has_no_loss_and_never_wins() -> None:
    pruned = trial(2, 0.1, outcome="pruned", rows=())
    assert pruned.loss is None
    assert best_of([trial(1), pruned, trial(3, 1.0)]) == trial(1)
    assert best_of([pruned]) is None


def test_more_trials_make_each_interval_wider() -> None:
    assert level_of_each(0) == level_of_each(1) == pytest.approx(0.95)
    assert level_of_each(10) == pytest.approx(0.995)


def test_better_is_said_only_where_the_interval_leaves_no_doubt() -> None:
    sure = Difference(2, -0.2, -0.3, -0.1)
    unsure = Difference(2, -0.2, -0.5, 0.1)
    best = trial(2, 0.8)
    assert sure.proven and "better than the setting in force by 0.2" in verdict(best, [sure])
    assert not unsure.proven and "not proven" in verdict(best, [unsure])
    assert "no setting that was tried is better" in verdict(trial(1), [sure])
    assert "there is no result" in verdict(None, [])


def test_a_trial_survives_its_line() -> None:
    assert from_json_value(to_json_value(trial(1)), Trial) == trial(1)
