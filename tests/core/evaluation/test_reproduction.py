"""When a run that was done again is the same."""

from dataclasses import fields
from typing import Any

from daemon.core.evaluation.reproduction import (
    COMPUTATION,
    Change,
    Files,
    changes,
    compare_steps,
    conclude,
    sentence,
)
from daemon.core.training.manifests import Provenance
from daemon.core.training.progress import Metrics

SAME = Files(adapter=True, moments=True, weight_gap=0.0)


def steps(*losses: float | None, **figures: Any) -> list[Any]:
    return [{"step": 7 + n, "loss": loss, **figures} for n, loss in enumerate(losses)]


def test_times_and_memory_are_of_the_day_and_count_nothing() -> None:
    then, now = steps(1.0, None, seconds=1.0, memory={}), steps(1.0, None, seconds=9.0, memory=None)
    found = compare_steps(then, now)
    assert (found.equal, found.first_other, found.loss_gap) == (2, None, 0.0)
    assert conclude(SAME, found) == "identical"


def test_no_time_of_a_step_is_compared() -> None:
    times = {one.name for one in fields(Metrics) if one.name.endswith(("_s", "seconds"))}
    assert times and times <= COMPUTATION


def test_the_first_step_that_is_not_the_same_is_named_with_both_values() -> None:
    found = compare_steps(steps(1.0, 2.0, 3.0, rows=4), steps(1.0, 2.5, 3.25, rows=4))
    assert found.first_other == {"step": 8, "figures": {"loss": [2.0, 2.5]}}
    assert (found.equal, found.loss_gap) == (1, 0.5)
    assert conclude(SAME, found) == "different"


def test_a_step_that_one_of_them_lacks_is_a_difference() -> None:
    for then, now in ((steps(1.0, 2.0), steps(1.0)), (steps(1.0), steps(1.0, 2.0))):
        found = compare_steps(then, now)
        assert found.first_other == {"step": 8, "figures": {}}
        assert conclude(SAME, found) == "different"


def test_a_figure_that_older_versions_did_not_know_is_no_difference() -> None:
    assert compare_steps(steps(1.0), steps(1.0, new=1)).first_other is None


def test_equal_steps_do_not_excuse_another_adapter() -> None:
    found = compare_steps(steps(1.0), steps(1.0))
    assert conclude(Files(False, True, 1e-7), found) == "different"
    assert conclude(Files(True, False, 0.0), found) == "different"


def test_the_sentence_says_how_much_and_what_has_changed() -> None:
    found = compare_steps(steps(1.0), steps(2.0))
    said = sentence("v000003", Files(False, False, 1e-7), found, [Change("mlx", "1", "2")])
    assert said == (
        "v000003 was not reproduced exactly, from step 7 on: the adapter differs, by at most "
        "1e-07 in a weight; changed since: mlx 1 → 2"
    )
    assert "no copy" in sentence("v000003", Files(False, False, None), found, [])


def test_everything_around_the_training_is_compared_and_what_is_not_known_is_said() -> None:
    then = Provenance("a", None, "L", {"mlx": "1", "gone": "1"})
    now = Provenance("a", True, "L", {"mlx": "2"})
    assert changes(then, now) == (
        Change("uncommitted changes", "unknown", "yes"),
        Change("gone", "1", "unknown"),
        Change("mlx", "1", "2"),
    )
    assert changes(now, now) == ()
