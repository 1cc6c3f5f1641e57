"""Chooses how much of a run's change is kept, so that less of earlier files is forgotten."""

from collections.abc import Mapping, Sequence

import msgspec

from daemon.core.training.forgetting import LineageLosses, Tolerance

SHARES = (1.0, 0.75, 0.5, 0.25)
"""Of the way from a run's start to its end, in the order in which they are measured."""


class MergePoint(msgspec.Struct, frozen=True):
    """A point on the way from a run's start to its end, as measured on tune rows."""

    share: float
    own: float
    """Loss on the run's own files, in nats a token."""
    excess: float
    """Rises of earlier files beyond what is tolerated, in nats a token, added up."""

    def is_worse_than(self, other: "MergePoint") -> bool:
        """Return whether it forgets more, or as much and has learned no more."""
        return (self.excess, self.own) >= (other.excess, other.own)


class Merge(msgspec.Struct, frozen=True):
    """Which share of a run's change its version has, and what was measured for it."""

    share: float
    points: tuple[MergePoint, ...]


def excess(lineage: LineageLosses, losses: Mapping[str, float], tolerance: Tolerance) -> float:
    """Return by how much earlier files rise beyond what is tolerated, added up.

    `losses` has those of their tune rows by key, in nats. What a file had risen before the run
    began does not count against it.
    """
    now = lineage.measured_again(losses)
    found = 0.0
    for job, part in lineage.parts:
        rise, before = now.rise(job, part), lineage.rise(job, part)
        if part == "tune" and rise is not None:
            tolerated = max(tolerance.of(rise.gained), before.mean if before else 0.0)
            found += max(0.0, rise.mean - tolerated)
    return found


def choose_share(points: Sequence[MergePoint]) -> float:
    """Return the share that learns most of its own files without excess; else the least excess."""
    return min(points, key=lambda point: (point.excess, point.own)).share
