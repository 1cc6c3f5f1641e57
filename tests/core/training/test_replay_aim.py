"""How much of each earlier file is replayed."""

import pytest

from daemon.core.training.forgetting import LineageLosses, PartLosses, RowLosses, Tolerance
from daemon.core.training.replay_aim import AIM, LEAST_SHARE, MOST_PRESSURE, aim_replay

TOLERANCE = Tolerance(0.1, 0.0)


def losses(**rises: list[float]) -> LineageLosses:
    """Return the losses of a version whose tune rows rose by so many nats per token."""
    return LineageLosses(
        {
            (job, "tune"): PartLosses(
                "v2",
                tuple(
                    RowLosses(n, f"{job}{n}", 10, 20.0, 10.0, 10.0 + 10 * rise)
                    for n, rise in enumerate(each)
                ),
            )
            for job, each in rises.items()
        }
    )


def test_replay_follows_forgetting_continuously() -> None:
    """It doubled over an alarm, and did not react to what lay below."""
    shares, weights = [], []
    for rise in (0.0, 0.02, 0.05, 0.1):
        aim = aim_replay(0.1, 0.9, losses(a=[rise] * 4, b=[0.0] * 4), TOLERANCE, {"a": 10, "b": 10})
        shares.append(aim.share)
        weights.append(aim.weights.get("a", 1.0))
        assert "b" not in aim.weights
    assert shares == sorted(set(shares)) and weights == sorted(set(weights))
    assert shares[0] == 0.1 and weights[-1] == 1.0 + AIM


def test_a_rise_within_its_error_aims_nothing() -> None:
    assert aim_replay(0.1, 0.9, losses(a=[0.3, -0.3, 0.1]), TOLERANCE, {"a": 10}).weights == {}
    assert aim_replay(0.1, 0.9, losses(a=[0.3]), TOLERANCE, {"a": 10}).weights == {}


def test_a_file_without_tune_rows_gets_the_plain_share() -> None:
    aim = aim_replay(0.1, 0.9, losses(a=[0.1] * 4), TOLERANCE, {"a": 10, "b": 10})
    assert set(aim.weights) == {"a"}


def test_the_share_is_bounded_and_never_below_the_plain_one() -> None:
    forgotten = losses(a=[9.0] * 4)
    aim = aim_replay(0.1, 0.3, forgotten, TOLERANCE, {"a": 10})
    assert aim.share == 0.3 and aim.weights == {"a": 1.0 + AIM * MOST_PRESSURE}
    assert aim_replay(0.4, 0.3, forgotten, TOLERANCE, {"a": 10}).share == 0.4


def test_replay_begins_where_the_plain_share_is_none() -> None:
    aim = aim_replay(0.0, 0.9, losses(a=[0.05] * 4), TOLERANCE, {"a": 10})
    assert aim.share == pytest.approx(LEAST_SHARE * AIM * 0.5)
    assert aim_replay(0.0, 0.9, losses(a=[0.0] * 4), TOLERANCE, {"a": 10}).share == 0.0
