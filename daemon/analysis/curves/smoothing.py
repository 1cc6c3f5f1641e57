"""Robust level, slope and noise of a noisy curve: LOWESS, Theil-Sen, median deviations.

Smoothing is locally weighted linear regression (LOWESS, Cleveland 1979) with bisquare weights, so
that neither a hard batch nor the ends bend it. Slopes are Theil and Sen's median of slopes.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SPAN = 0.15
"""Share of the points that a smoothed value uses."""
LEAST_SPAN = 7
"""Points that it uses in a short curve."""
NEIGHBOURS = 5
"""Values whose median a value is compared with."""
OUTLIER = 6.0
"""Standard deviations from that median at which a value has no weight."""
MOST_BINS = 150
"""A longer curve is first reduced to medians of so many equal intervals."""
TO_SIGMA = 1.4826
"""From the median absolute deviation of normal noise to its standard deviation."""


@dataclass(frozen=True)
class TrendLine:
    """A straight line through noisy points."""

    slope: float
    error: float
    """Standard error of the slope."""


def binned(steps: Array, values: Array, most: int = MOST_BINS) -> tuple[Array, Array]:
    """Return medians of equal intervals where there are more points than `most`."""
    if len(steps) <= most:
        return steps, values
    edges = np.linspace(0, len(steps), most + 1).astype(int)
    spans = list(pairwise(edges))
    return (
        np.array([np.median(steps[a:b]) for a, b in spans]),
        np.array([np.median(values[a:b]) for a, b in spans]),
    )


def noise(values: Array) -> float:
    """Return the standard deviation of the noise, from second differences.

    They cancel level and slope, so that a steep curve does not count as a noisy one.
    """
    if len(values) < 4:
        return 0.0
    return deviation(np.diff(values, 2)) / float(np.sqrt(6.0))


def deviation(values: Array) -> float:
    """Return the spread of values as a standard deviation, by their median."""
    return TO_SIGMA * float(np.median(np.abs(values - np.median(values))))


def smooth(
    steps: Array, values: Array, span: float = SPAN, least: int = LEAST_SPAN
) -> tuple[Array, Array]:
    """Return the smoothed values and their slopes, in units of value and of value a step.

    A value far from its neighbours loses weight. Cleveland's own iterations would treat the steep
    beginning of a flat curve as outliers.
    """
    count = len(steps)
    near = min(count, max(least, round(span * count)))
    distance = np.abs(steps[:, None] - steps[None, :])
    reach = np.maximum(np.sort(distance, axis=1)[:, near - 1 : near], 1e-9) * (1 + 1e-6)
    weight = np.clip(1.0 - (distance / reach) ** 3, 0.0, 1.0) ** 3
    rest, bound = values - rolling_median(values, NEIGHBOURS), OUTLIER * noise(values)
    trust = np.clip(1.0 - (rest / bound) ** 2, 0.0, 1.0) ** 2 if bound > 0 else np.ones(count)
    return _local_lines(steps, values, weight * trust)


def _local_lines(steps: Array, values: Array, weight: Array) -> tuple[Array, Array]:
    total = np.maximum(weight.sum(axis=1), 1e-12)
    middle = weight @ steps / total
    mean = weight @ values / total
    offset = steps[None, :] - middle[:, None]
    across = (weight * offset**2).sum(axis=1)
    along = (weight * offset) @ values
    slope = np.where(across > 1e-9 * total, along / np.maximum(across, 1e-12), 0.0)
    return mean + slope * (steps - middle), slope


def trend(steps: Array, values: Array) -> TrendLine:
    """Return the median of the slopes between all pairs of points (Theil 1950, Sen 1968)."""
    first, second = np.triu_indices(len(steps), 1)
    apart = steps[second] - steps[first]
    slope = float(np.median((values[second] - values[first]) / np.maximum(apart, 1e-12)))
    rest = values - slope * steps
    spread = float(np.sqrt(((steps - steps.mean()) ** 2).sum()))
    return TrendLine(slope, 1.05 * deviation(rest) / spread if spread > 0 else 0.0)


def rolling_median(values: Array, width: int) -> Array:
    """Return the median of each point's neighbourhood; beyond the ends the curve is reflected."""
    width = min(width | 1, len(values) if len(values) % 2 else len(values) - 1)
    padded = np.pad(values, width // 2, mode="reflect", reflect_type="odd")
    windows = np.lib.stride_tricks.sliding_window_view(padded, width)
    return cast(Array, np.median(windows, axis=1))
