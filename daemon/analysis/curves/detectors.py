"""Detectors of learning-curve problems, one function each."""

from typing import Any

import numpy as np

from daemon.analysis.curves import limits
from daemon.analysis.curves.prepared import PreparedCurve, Trace
from daemon.analysis.curves.smoothing import Array, binned, deviation, noise, rolling_median, trend
from daemon.analysis.curves.valley import Valley, valley
from daemon.core.curves.curves import CurveFinding, Kind

LOWER_RATE = "lower training.learning_rate to a third"
LEAST_RISING = 5
"""Fewest values of a rise at the end."""
EDGE = 20
"""Steps on either side of a change of noise."""
NEIGHBOURS = 9
"""Steps that a step is compared with."""


def divergence(prepared: PreparedCurve) -> CurveFinding | None:
    """The training loss rises and stays up, or is no longer finite."""
    return _lost(prepared) or _risen(prepared)


def _lost(prepared: PreparedCurve) -> CurveFinding | None:
    points = prepared.curve.points
    lost = [point.loss is None or not point.applied for point in points]
    at_end = next((n for n, gone in enumerate(reversed(lost)) if not gone), len(lost))
    many = sum(lost) >= max(limits.LOST_AT_END, limits.LOST_SHARE * len(lost))
    if at_end < limits.LOST_AT_END and not many:
        return None
    ended = at_end >= limits.LOST_AT_END
    began = points[len(lost) - at_end if ended else lost.index(True)].step
    return _finding(
        "divergence",
        began,
        f"from step {began} on {'all' if ended else 'many'} steps had no finite loss or gradient",
        {"steps_lost": sum(lost), "steps": len(lost)},
        f"{LOWER_RATE}, and check the rows of that step",
    )


def _risen(prepared: PreparedCurve) -> CurveFinding | None:
    train = prepared.train
    if train is None:
        return None
    low = train.lowest
    least, end = float(train.level[low]), train.end()
    bound = max(_error_of_end(train), limits.RISE_OF_LOSS * least, 0.1 * max(0.0, prepared.drop))
    if len(train.steps) - low < LEAST_RISING or end - least <= bound:
        return None
    left = _leaves(train, low, least + limits.FAIRLY_SURE * train.sigma)
    # Between its minimum and the rise a loss may go up and down for a long time.
    starts = (low, min(left, len(train.steps) - LEAST_RISING))
    if not any(_rises(train.steps[at:], train.values[at:]) for at in starts):
        return None
    step = int(train.steps[left])
    return _finding(
        "divergence",
        step,
        f"after step {step} the training loss rises from its lowest level, {least:.3f}, to "
        f"{end:.3f} and stays up",
        {"least": least, "end": end, "noise": train.sigma},
        f"{LOWER_RATE}; lengthen training.warmup_steps if it began there",
    )


def overfitting(prepared: PreparedCurve) -> CurveFinding | None:
    """The validation loss rises after its minimum while the training loss does not."""
    found, train = prepared.validation, prepared.train
    turn = None if found is None else sure_turn(found)
    if found is None or turn is None:
        return None
    step = int(found.steps[turn.lowest])
    if train is not None:
        at = train.level[train.place(step)]
        if train.end() > at + limits.FAIRLY_SURE * train.sigma:
            return None
    end = _end_of_validation(found)
    return _finding(
        "overfitting",
        step,
        f"the validation loss rises from {turn.least:.3f} at step {step} to {end:.3f} while the "
        "training loss does not",
        {"least": turn.least, "end": end, "noise": found.sigma, "doubt": turn.doubt},
        "end at the recommended stop: fewer training.epochs, or more and more varied rows",
    )


def sure_turn(found: Trace) -> Valley | None:
    """Return the valley of a validation loss that has certainly risen since its minimum."""
    turn, count = valley(found.values), len(found.values)
    low, rise = turn.lowest, _end_of_validation(found) - turn.least
    if count - low < 4 or rise <= limits.RISE_OF_VALIDATION * abs(turn.least):
        return None
    if turn.doubt > limits.doubt_of(count) or not _rises(found.steps[low:], found.values[low:]):
        return None
    return turn


def _end_of_validation(found: Trace) -> float:
    return float(np.median(found.values[-max(2, len(found.values) // 5) :]))


def learning_rate_too_high(prepared: PreparedCurve) -> CurveFinding | None:
    """The loss surges early, has spikes, or grows much noisier."""
    if prepared.train is None:
        return None
    return _surge(prepared, prepared.train) or _unrest(prepared)


def _surge(prepared: PreparedCurve, train: Trace) -> CurveFinding | None:
    early = max(3, round(limits.EARLY * len(train.steps)))
    peak = int(np.argmax(train.level[:early]))
    top = float(train.level[peak])
    bound = max(_error_of_end(train), limits.SURGE * prepared.start)
    came_back = train.level[-1] < top - bound / 2
    if peak < 2 or top - prepared.start <= bound or not came_back:
        return None
    step = int(train.steps[int(np.argmin(train.level[: peak + 1]))])
    return _finding(
        "learning_rate_too_high",
        step,
        f"the training loss rises from {prepared.start:.3f} to {top:.3f} at step "
        f"{int(train.steps[peak])} before it falls",
        {"first": prepared.start, "peak": top, "noise": train.sigma},
        f"{LOWER_RATE}, or lengthen training.warmup_steps",
    )


def _unrest(prepared: PreparedCurve) -> CurveFinding | None:
    rest, usual = prepared.raw - rolling_median(prepared.raw, NEIGHBOURS), noise(prepared.raw)
    spikes = np.flatnonzero(rest > limits.SPIKE * max(usual, 1e-3 * prepared.start))
    if len(spikes) >= max(limits.SPIKES, 0.01 * len(rest)):
        step = int(prepared.raw_steps[spikes[0]])
        return _finding(
            "learning_rate_too_high",
            step,
            f"{len(spikes)} steps have a loss far above their neighbours', the first is {step}",
            {"spikes": len(spikes), "highest": float(rest.max()), "noise": usual},
            f"{LOWER_RATE}, or lower training.clip_norm",
        )
    return _louder(prepared)


def _louder(prepared: PreparedCurve) -> CurveFinding | None:
    # Second differences: where a curve is steep, neighbours differ by more than noise.
    rest = np.diff(prepared.raw, 2) / np.sqrt(6.0)
    place = _change_of_noise(rest)
    if place is None:
        return None
    before, after = deviation(rest[:place]), deviation(rest[place:])
    level = float(np.median(prepared.raw[place:]))
    # For a few steps the median alone is sometimes far too small: the mean has to agree.
    growth = float(np.abs(rest[place:]).mean() / max(np.abs(rest[:place]).mean(), 1e-9))
    bound = max(limits.NOISE_GROWTH * before, limits.NOISE_OF_LEVEL * level)
    if after <= bound or growth < limits.NOISE_GROWTH:
        return None
    step = int(prepared.raw_steps[place + 1])
    return _finding(
        "learning_rate_too_high",
        step,
        f"from step {step} on the training loss is {growth:.1f} times as noisy",
        {"noise_before": before, "noise_after": after},
        LOWER_RATE,
    )


def _change_of_noise(rest: Array) -> int | None:
    """Return the likeliest place of a change of noise; None for too short a curve."""
    if len(rest) < 2 * EDGE:
        return None
    places = np.unique(np.linspace(EDGE, len(rest) - EDGE, 100).astype(int))
    # For Laplacian noise: its scale is the mean deviation, which one outlier hardly moves.
    sums = np.cumsum(np.abs(rest))
    before, after = sums[places - 1] / places, (sums[-1] - sums[places - 1]) / (len(rest) - places)
    costs = places * np.log(before + 1e-9) + (len(rest) - places) * np.log(after + 1e-9)
    return int(places[int(np.argmin(costs))])


def learning_rate_too_low(prepared: PreparedCurve) -> CurveFinding | None:
    """The loss has not moved, or falls slowly in a straight line."""
    train = prepared.train
    if train is None or prepared.start <= limits.NOTHING_LEFT:
        return None
    whole = trend(train.steps, train.values)
    length = float(train.steps[-1] - train.steps[0])
    first = prepared.curve.points[0].step
    by_trend = (abs(whole.slope) + limits.FAIRLY_SURE * whole.error) * length
    # A fall within the first steps is not part of the trend.
    most = max(by_trend, abs(prepared.drop), float(np.ptp(train.level)) - 2.0 * train.sigma)
    if most < limits.FLAT * prepared.start:
        return _finding(
            "learning_rate_too_low",
            first,
            f"the training loss has not moved from {prepared.start:.3f}",
            {"first": prepared.start, "most_fall": most, "noise": train.sigma},
            "nothing is wrong if the model knew the rows already; else raise "
            "training.learning_rate three times",
        )
    share = _falling_share(prepared)
    if share is None or prepared.drop >= limits.SMALL_FALL * prepared.start:
        return None
    return _finding(
        "learning_rate_too_low",
        first,
        f"the training loss falls in a straight line from {prepared.start:.3f} to "
        f"{train.end():.3f}",
        {"first": prepared.start, "fall": prepared.drop, "share_of_fall_in_last_quarter": share},
        "raise training.learning_rate three times ('finetuned sweep --rates' compares)",
    )


def underfitting(prepared: PreparedCurve) -> CurveFinding | None:
    """The run ended while the loss was still falling steadily."""
    train, share = prepared.train, _falling_share(prepared)
    if train is None or share is None or prepared.drop < limits.SMALL_FALL * prepared.start:
        return None
    step = int(prepared.raw_steps[-_tail(prepared)])
    return _finding(
        "underfitting",
        step,
        f"{share:.0%} of the whole fall came in the last quarter, from step {step} on: the loss "
        f"was still falling at {train.end():.3f}",
        {"fall": prepared.drop, "share_of_fall_in_last_quarter": share, "noise": train.sigma},
        "train longer (training.epochs), or with a higher training.learning_rate or rank",
    )


def plateau(prepared: PreparedCurve) -> CurveFinding | None:
    """The second half of the run brought no improvement, after a fall before."""
    train = prepared.train
    if train is None or prepared.drop <= max(_error_of_end(train), limits.FLAT * prepared.start):
        return None
    half = round(limits.LAST_HALF * len(train.steps))
    gain, error = _gain(train.values[half:], train.sigma)
    final = float(np.median(train.level[half:]))
    # A loss that halves is still learning, however small both values are beside the first.
    little = min(limits.PLATEAU * prepared.drop, limits.PLATEAU_OF_LEVEL * final)
    if gain + limits.FAIRLY_SURE * error >= little or gain < -0.1 * prepared.drop:
        return None
    near = max(little, 0.5 * train.sigma)
    # Medians of a few steps follow a fall of a few steps, which the level does not.
    course = rolling_median(train.values, NEIGHBOURS)
    step = int(train.steps[int(np.argmax(course <= final + near))])
    return _finding(
        "plateau",
        step,
        f"from step {step} on the training loss stays at {final:.3f}",
        {"level": final, "fall": prepared.drop, "gain_of_last_half": gain, "noise": train.sigma},
        "end at the recommended stop to save time; to get lower, decay the rate, raise the rank "
        "or add rows",
    )


def _gain(values: Array, sigma: float) -> tuple[float, float]:
    """Return how much lower the last fifth is than the first, and the error of that.

    Levels, not a slope: the median slope of a curved line is not its fall.
    """
    fifth = max(3, len(values) // 5)
    gain = float(np.median(values[:fifth]) - np.median(values[-fifth:]))
    return gain, 1.25 * sigma * float(np.sqrt(2.0 / fifth))


def _falling_share(prepared: PreparedCurve) -> float | None:
    """Return the share of the whole fall that came in the tail, where that is certainly large."""
    if prepared.train is None or prepared.drop <= _error_of_end(prepared.train):
        return None
    tail = _tail(prepared)
    steps, values = binned(prepared.raw_steps[-tail:], prepared.raw[-tail:])
    line, length = trend(steps, values), float(steps[-1] - steps[0])
    share, error = -line.slope * length / prepared.drop, line.error * length / prepared.drop
    return share if share - limits.FAIRLY_SURE * error >= limits.STILL_FALLING else None


def _tail(prepared: PreparedCurve) -> int:
    return max(7, round(limits.TAIL * len(prepared.raw)))


def _error_of_end(train: Trace) -> float:
    """Return how much an end level may differ from another one by noise alone."""
    last = max(3.0, 0.1 * len(train.steps))
    return limits.SURE * train.sigma * float(np.sqrt(2.0 / last))


def _rises(steps: Array, values: Array) -> bool:
    line = trend(steps, values)
    return line.slope - limits.FAIRLY_SURE * line.error > 0.0


def _leaves(train: Trace, low: int, bound: float) -> int:
    """Return the last index after the minimum at which the level was not above a bound."""
    under = np.flatnonzero(train.level[low:] <= bound)
    return low + (int(under[-1]) if len(under) else 0)


def _finding(kind: Kind, step: int, message: str, evidence: Any, advice: str) -> CurveFinding:
    return CurveFinding(
        kind, step, message, {key: round(float(n), 6) for key, n in evidence.items()}, advice
    )
