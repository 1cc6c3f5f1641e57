"""Prepares a learning curve for the detectors: arrays, smoothed levels, slopes, noise."""

from dataclasses import dataclass

import numpy as np

from daemon.analysis.curves.smoothing import LEAST_SPAN, SPAN, Array, binned, noise, smooth
from daemon.core.curves.curves import Curve

LEAST_STEPS = 30
"""Fewest steps with a loss for a diagnosis of the training loss."""
LEAST_VALIDATIONS = 6
"""Fewest validations for a diagnosis of the validation loss."""
LEAST_SMOOTHED = 12
"""Fewest validations for a smoothed line: it uses half of them."""
OF_VALIDATION, LEAST_OF_VALIDATION = 0.2, 5
"""Share of the validations, and their least number, that a smoothed value uses."""
FIRST = 0.05
"""Share of the points whose median is the first level."""


@dataclass(frozen=True)
class Trace:
    """One noisy quantity over the steps."""

    steps: Array
    values: Array
    """Binned where the curve is long."""
    sigma: float
    """Standard deviation of the noise of one value."""
    level: Array
    """Smoothed values."""
    slope: Array

    @property
    def lowest(self) -> int:
        """The place of the smoothed minimum."""
        return int(np.argmin(self.level))

    def end(self, share: float = 0.1, least: int = 3) -> float:
        """Return the median of the last values."""
        return float(np.median(self.values[-max(least, round(share * len(self.values))) :]))

    def place(self, step: float) -> int:
        """Return the place of the first value at or after a step."""
        return min(int(np.searchsorted(self.steps, step)), len(self.steps) - 1)


@dataclass(frozen=True)
class PreparedCurve:
    """The input of the detectors."""

    curve: Curve
    train: Trace | None
    """None if there are too few steps."""
    validation: Trace | None
    raw_steps: Array
    raw: Array
    """The finite losses of all steps, not binned."""
    start: float
    """Level of the first steps."""

    @property
    def drop(self) -> float:
        """How far the training loss has fallen, from the first level to the last."""
        return self.start - self.train.end() if self.train else 0.0


def prepare(curve: Curve) -> PreparedCurve:
    """Return a curve's arrays and levels."""
    raw_steps, raw = _arrays(curve.losses)
    train = _trace(raw_steps, raw) if len(raw) >= LEAST_STEPS else None
    found = _arrays(curve.validation)
    validation = (
        _trace(*found, OF_VALIDATION, LEAST_OF_VALIDATION)
        if len(found[0]) >= LEAST_VALIDATIONS
        else None
    )
    first = max(3, round(FIRST * len(raw)))
    start = float(np.median(raw[:first])) if len(raw) else 0.0
    return PreparedCurve(curve, train, validation, raw_steps, raw, start)


def _arrays(pairs: tuple[tuple[int, float], ...]) -> tuple[Array, Array]:
    both = np.array(pairs, dtype=np.float64).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def _trace(steps: Array, values: Array, span: float = SPAN, least: int = LEAST_SPAN) -> Trace:
    steps, values = binned(steps, values)
    level, slope = smooth(steps, values, span, least)
    return Trace(steps, values, noise(values), level, slope)
