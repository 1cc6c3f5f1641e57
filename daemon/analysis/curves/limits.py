"""Thresholds of the learning-curve detectors, each relative to the curve itself.

Bounds on noise are in standard errors, so that noise alone is not a finding; bounds of relevance
are shares of the curve's own level or fall, so that a certain but tiny effect is not one either.
"""

from bisect import bisect_right

SURE = 4.0
"""Standard errors by which a rise must exceed the noise."""
FAIRLY_SURE = 2.0
"""Standard errors of margin to a bound of relevance."""
RISE_OF_VALIDATION = 0.02
"""Share of its minimum by which the validation loss must have risen to be overfitting."""
RISE_OF_LOSS = 0.15
"""Share of its minimum by which the training loss must have risen to be divergence."""
LOST_AT_END = 3
"""Consecutive steps at the end without a finite loss that count as divergence."""
LOST_SHARE = 0.05
"""Share of all steps without a finite loss that counts as divergence."""
NOISE_GROWTH = 2.5
"""Growth of the noise, for the rest of the run, from which a learning rate is too high."""
NOISE_OF_LEVEL = 0.02
"""Share of the loss below which noise is harmless, however much it has grown."""
SPIKE = 8.0
"""Standard deviations over its neighbourhood from which one step is a spike."""
SPIKES = 3
"""Spikes from which a learning rate is too high; in long runs a hundredth of the steps."""
SURGE = 0.10
"""Share of the first level by which the loss must rise early in a run to be a surge."""
EARLY = 0.4
"""Share of the run that is early."""
TAIL = 0.25
"""Last share of the run, in which the loss may still fall."""
STILL_FALLING = 0.15
"""Share of the whole fall in that tail from which a run ended too early; a line has 0.25."""
SMALL_FALL = 0.20
"""Share of the first level below which a straight fall means a learning rate too low."""
FLAT = 0.03
"""Share of the first level within which a loss has not moved."""
NOTHING_LEFT = 0.05
"""Loss in nats per token below which a flat curve has nothing left to learn."""
LAST_HALF = 0.5
"""Last share of a run that is checked for a plateau."""
PLATEAU = 0.05
"""Share of the whole fall below which that half brought no improvement."""
PLATEAU_OF_LEVEL = 0.25
"""Share of its own level below which that half brought no improvement, too."""
GOOD_ENOUGH = 0.001
"""Share of the lowest validation loss within which another is as good."""
DOUBT = (
    (6, 0.0),
    (7, 0.0),
    (8, 0.005),
    (10, 0.03),
    (12, 0.065),
    (16, 0.12),
    (20, 0.155),
    (30, 0.24),
    (40, 0.3),
    (60, 0.36),
    (100, 0.5),
    (150, 0.6),
)
"""By the number of values, the doubt of a valley (`valley.py`) that 99 of 100 flat curves with
heavy-tailed noise exceed; simulated with Student's t of 4 degrees of freedom."""


def doubt_of(count: int) -> float:
    """Return the greatest doubt allowed for a turn in so many values."""
    place = bisect_right(DOUBT, (count, 1.0))
    if place in (0, len(DOUBT)):
        return DOUBT[max(0, place - 1)][1]
    (first, low), (second, high) = DOUBT[place - 1], DOUBT[place]
    return low + (high - low) * (count - first) / (second - first)
