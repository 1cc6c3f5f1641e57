"""How much of a run's change is kept: as much as earlier files bear."""

from daemon.core.training.forgetting import (
    LineageLosses,
    MeasuredRow,
    Part,
    Tolerance,
    with_candidate,
)
from daemon.core.training.merging import MergePoint, choose_share, excess

TOLERANCE = Tolerance(0.05, 0.1)


def row(part: Part, number: int, loss: float) -> MeasuredRow:
    """Return a row of the first file, ten tokens long, with so many nats a token."""
    key = f"{part}{number}"
    return MeasuredRow("000001-a", part, number, key, 10, 10 * loss, 20.0, 20.0)


def lineage(best: float, own: float) -> LineageLosses:
    """Return a lineage whose first file had one loss at best, and has another one now."""
    parts: tuple[Part, ...] = ("tune", "judge")
    first = [row(part, number, best) for part in parts for number in (1, 2)]
    now = [row(part, number, own) for part in parts for number in (1, 2)]
    return with_candidate(with_candidate(LineageLosses(), first, "v0"), now, "v1")


def test_the_most_that_forgets_nothing_is_kept() -> None:
    points = [
        MergePoint(1.0, 0.5, 0.02),
        MergePoint(0.75, 0.6, 0.0),
        MergePoint(0.5, 0.8, 0.0),
        MergePoint(0.25, 1.0, 0.0),
    ]
    assert choose_share(points) == 0.75
    assert choose_share([MergePoint(1.0, 0.5, 0.0)]) == 1.0


def test_where_every_point_forgets_too_much_it_is_the_one_that_forgets_least() -> None:
    assert choose_share([MergePoint(1.0, 0.5, 0.3), MergePoint(0.25, 1.0, 0.1)]) == 0.25


def test_the_way_back_ends_where_it_gets_worse() -> None:
    """Each point is scored on all tune rows: four times as many as the end alone."""
    end = MergePoint(1.0, 0.5, 0.1)
    assert MergePoint(0.75, 0.4, 0.2).is_worse_than(end)
    assert MergePoint(0.75, 0.5, 0.1).is_worse_than(end)
    assert not MergePoint(0.75, 0.6, 0.0).is_worse_than(end)
    assert not MergePoint(0.75, 0.4, 0.1).is_worse_than(end)


def test_only_what_is_beyond_the_tolerance_counts() -> None:
    """A tenth of the nat that the file gained is tolerated: significance is not asked."""
    first = lineage(best=1.0, own=1.0)
    for loss, expected in ((1.1, 0.0), (1.15, 0.05), (0.9, 0.0)):
        found = excess(first, {"tune1": 10 * loss, "tune2": 10 * loss}, TOLERANCE)
        assert round(found, 6) == expected


def test_what_had_risen_before_the_run_began_does_not_count_against_it() -> None:
    """Else every later file would be held back for one rise that it did not cause."""
    risen = lineage(best=1.0, own=1.3)
    assert excess(risen, {"tune1": 13.0, "tune2": 13.0}, TOLERANCE) == 0.0
    assert round(excess(risen, {"tune1": 14.0, "tune2": 14.0}, TOLERANCE), 6) == 0.1


def test_rows_of_the_verdict_do_not_choose() -> None:
    assert excess(lineage(1.0, 1.0), {"judge1": 50.0, "judge2": 50.0}, TOLERANCE) == 0.0
