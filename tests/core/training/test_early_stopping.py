"""When a run has learned what it can."""

import json
from collections.abc import Sequence

import pytest

from daemon.core.records import from_json_value, to_json_value
from daemon.core.training.early_stopping import EarlyStopped, LossWatch, is_watched


def watched(losses: Sequence[float | None], min_delta: float = 0.1) -> LossWatch:
    watch = LossWatch()
    for number, loss in enumerate(losses, 1):
        watch = watch.after(10 * number, loss, min_delta)
    return watch


@pytest.mark.parametrize(
    ("losses", "best"),
    [
        ([2.0, 1.5, 1.2], 30),
        ([2.0, 1.5, 1.45], 20),
        # A slow fall counts once it has come to the least that counts.
        ([2.0, 1.95, 1.89], 30),
        ([2.0, None, float("nan"), 1.0], 40),
        ([None, 2.0], 20),
    ],
)
def test_the_best_step_is_lower_by_the_least_that_counts(
    losses: Sequence[float | None], best: int
) -> None:
    assert watched(losses).best_step == best


def test_patience_is_counted_in_steps_since_the_best_one() -> None:
    assert not watched([2.0, 1.0, 1.0]).spent(20)
    assert watched([2.0, 1.0, 1.0, 1.0]).spent(20)
    assert not watched([None, None, None]).spent(1)


def test_every_step_is_measured_from_the_first_epoch_on_but_not_the_last() -> None:
    assert [s for s in range(41) if is_watched(s, 4, 10, 40)] == [12, 16, 20, 24, 28, 32, 36]
    assert not is_watched(12, 0, 10, 40)


def test_records_come_back_as_they_were() -> None:
    watch = watched([2.0, 3.0, None])
    assert from_json_value(json.loads(json.dumps(to_json_value(watch))), LossWatch) == watch
    stopped = EarlyStopped.of(watch, 20, 0.1)
    assert (stopped.best_step, stopped.at_step) == (10, 30)
    assert from_json_value(json.loads(json.dumps(to_json_value(stopped))), EarlyStopped) == stopped
