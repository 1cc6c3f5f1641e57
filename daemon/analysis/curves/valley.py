"""Fits the best fall followed by a rise to noisy values (unimodal isotonic regression).

Both branches are isotonic regressions. They assume nothing about the shape but its turn, so that a
steep fall or a sharp turn is not mistaken for noise, as it is by differences of a few values.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression

from daemon.analysis.curves.smoothing import Array


@dataclass(frozen=True)
class Valley:
    """A turn fitted to values, and how much it explains."""

    lowest: int
    """The index of the fit's minimum, the first of several."""
    least: float
    """That value: a mean where neighbours are pooled."""
    doubt: float
    """The residual squares of the turn, as a share of those of a fall without a turn.

    0 if the turn explains everything, 1 if it explains nothing.
    """


def valley(values: Array) -> Valley:
    """Return the best-fitting valley; needs at least one value."""
    falls = _residuals(values)
    both = falls + _residuals(values[::-1])[::-1]
    turn = int(np.argmin(both))
    level = np.concatenate([_fall(values[:turn]), _fall(values[turn:][::-1])[::-1]])
    doubt = float(both[turn] / falls[-1]) if falls[-1] > 0.0 else 1.0
    lowest = int(np.argmin(level))
    return Valley(lowest, float(level[lowest]), doubt)


def _residuals(values: Array) -> Array:
    """Return the residual squares of a fall fitted to no value, to the first, to the first two …"""
    parts = (values[:count] for count in range(len(values) + 1))
    squares = np.array([((_fall(part) - part) ** 2).sum() for part in parts])
    # What is left of equal values is rounding, and would be taken for the shape of a flat curve.
    rounding = len(values) * (4.0 * np.finfo(float).eps * np.abs(values).max()) ** 2
    return np.where(squares > rounding, squares, 0.0)


def _fall(values: Array) -> Array:
    """Return the non-increasing values that fit best; scipy takes no empty array."""
    return isotonic_regression(values, increasing=False).x if len(values) else values
