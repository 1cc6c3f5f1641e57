"""Decides how much of each earlier file a run replays: more of what is being forgotten."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from daemon.core.training.forgetting import LineageLosses, Rise, Tolerance

AIM = 4.0
"""A file whose loss rose by its whole tolerance is replayed 1 + this many times as often."""

MOST_PRESSURE = 5.0
"""In tolerances: beyond it, more of the same rows would teach nothing more."""

LEAST_SHARE = 0.1
"""Where the configured share is 0, extra replay is computed from this one."""


@dataclass(frozen=True)
class ReplayAim:
    """What is replayed in a run."""

    share: float
    """Replayed rows as a share of all trained rows."""
    weights: Mapping[str, float] = field(default_factory=dict)
    """By job: how many times as often its rows are drawn as in plain replay; 1 is left out."""


def aim_replay(
    share: float,
    most_share: float,
    lineage: LineageLosses,
    tolerance: Tolerance,
    rows: Mapping[str, int],
) -> ReplayAim:
    """Return the replay of a run that begins at a version with these losses.

    `rows` has the trainable rows of each earlier file. A file that has no tune rows, or that was
    not measured, gets the plain share.
    """
    pressures = {job: pressure(lineage.rise(job, "tune"), tolerance) for job in rows}
    weights = {job: 1.0 + AIM * value for job, value in pressures.items()}
    total = sum(rows.values())
    if not total:
        return ReplayAim(share)
    mean = sum(rows[job] * weight for job, weight in weights.items()) / total
    wanted = share + (share or LEAST_SHARE) * (mean - 1.0)
    aimed = {job: round(weight, 4) for job, weight in weights.items() if weight > 1.0}
    return ReplayAim(max(share, min(wanted, most_share)), aimed)


def pressure(rise: Rise | None, tolerance: Tolerance) -> float:
    """Return a file's rise, less its standard error, in multiples of the tolerance."""
    if rise is None:
        return 0.0
    sure = rise.mean - rise.error
    allowed = max(tolerance.of(rise.gained), 1e-6)
    return min(MOST_PRESSURE, max(0.0, sure) / allowed)
