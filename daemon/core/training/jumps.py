"""Detects jumps of the training loss, after which a run goes back to a checkpoint."""

from collections.abc import Sequence
from statistics import median

RECENT = 3
BEFORE = 20
LEAST_BEFORE = 10
FACTOR = 2.0
LEAST_RISE_NATS = 0.5
"""Small losses double easily; a jump is at least this."""


def jumped(losses: Sequence[float | None]) -> int | None:
    """Return the index at which the loss jumped; None if the last steps show no jump.

    `losses` are those of a run's steps in order, in nats per token, None if a step was not
    applied. One hard batch is no jump: the median of the last steps is compared with that before.
    """
    known = [(place, loss) for place, loss in enumerate(losses) if loss is not None]
    recent, before = known[-RECENT:], known[-RECENT - BEFORE : -RECENT]
    if len(before) < LEAST_BEFORE:
        return None
    usual = median(loss for _, loss in before)
    bound = max(FACTOR * usual, usual + LEAST_RISE_NATS)
    if median(loss for _, loss in recent) < bound:
        return None
    return next(place for place, loss in recent if loss >= bound)
