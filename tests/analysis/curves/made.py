"""Curves of known kinds, made from a seed: what was planted, where, and how strong."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daemon.core.curves.curves import Curve, Point

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Made:
    """A curve and the step at which its illness was planted."""

    curve: Curve
    planted: int
    steps: int


def curve(losses: Array, validation: list[tuple[int, float]] | None = None) -> Curve:
    """Return a curve of losses a step; what is not finite has no loss."""
    points = [
        Point(n, float(loss)) if np.isfinite(loss) else Point(n, None, applied=False)
        for n, loss in enumerate(losses, 1)
    ]
    return Curve("made", tuple(points), tuple(validation or ()))


class Maker:
    """Draws the shape of a curve: length, level, fall, noise."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.steps = int(self.random.integers(120, 400))
        self.floor = self.random.uniform(0.4, 1.5)
        self.fall = self.random.uniform(0.8, 2.5)
        self.sigma = self.fall * self.random.uniform(0.01, 0.03)
        self.at = np.arange(1, self.steps + 1) / self.steps
        self.heavy = bool(self.random.random() < 0.3)
        """Whether the noise has heavy tails, as batches of unlike rows give."""

    def noise(self, count: int) -> Array:
        drawn = self.random.standard_t(4, count) if self.heavy else self.random.normal(size=count)
        return self.sigma * np.asarray(drawn, np.float64)

    def decay(self) -> Array:
        """An exponential fall that is neither over nor in full swing at the end."""
        return self.floor + self.fall * np.exp(-self.at / self.random.uniform(0.2, 0.45))

    def validated(self, level: Array, least: int = 6) -> list[tuple[int, float]]:
        """Return up to 40 measurements of a level, with half the noise."""
        count = int(self.random.integers(least, 41))
        places = np.unique(np.linspace(0, self.steps - 1, count).astype(int))
        noise = 0.5 * self.noise(len(places))
        return [(int(n) + 1, float(level[n] + e)) for n, e in zip(places, noise, strict=True)]

    def planted(self, low: float = 0.3, high: float = 0.6) -> int:
        return int(self.steps * self.random.uniform(low, high))


def healthy(seed: int) -> Made:
    """A falling loss and a falling validation loss a little above it."""
    made = Maker(seed)
    level = made.decay()
    validation = made.validated(level + made.random.uniform(0.0, 0.3))
    return Made(curve(level + made.noise(made.steps), validation), 0, made.steps)


def overfitted(seed: int) -> Made:
    """The validation loss turns and rises by three to six tenths of the fall."""
    made = Maker(seed)
    level, at = made.decay(), made.planted()
    rise = made.fall * made.random.uniform(0.3, 0.6)
    after = np.maximum(0.0, np.arange(made.steps) - at) / (made.steps - at)
    turned = np.where(np.arange(made.steps) < at, level, level[at] + rise * after) + 0.1
    return Made(curve(level + made.noise(made.steps), made.validated(turned, 12)), at, made.steps)


def turned(seed: int, rise: float, sigma: float, every: int) -> Made:
    """60 steps, seldom measured: the validation loss turns at step 20 and rises by a share."""
    random, steps, at = np.random.default_rng(seed), 60, 20
    level = 0.5 + 1.5 * np.exp(-np.arange(1, steps + 1) / 21.0)
    after = np.maximum(0.0, np.arange(1, steps + 1) - at) / (steps - at)
    measured = np.where(after > 0, level[at - 1] + 0.1, level + 0.1) * (1.0 + rise * after)
    validation = [
        (n, float(measured[n - 1] + 0.5 * sigma * random.normal()))
        for n in range(every, steps + 1, every)
    ]
    return Made(curve(level + sigma * random.normal(size=steps), validation), at - 1, steps)


def diverged(seed: int) -> Made:
    """The loss climbs by half to all of its fall over the rest of the run."""
    made = Maker(seed)
    level, at = made.decay(), made.planted(0.3, 0.7)
    after = np.maximum(0.0, np.arange(made.steps) - at) / (made.steps - at)
    level = np.where(after > 0, level[at], level) + made.fall * made.random.uniform(0.5, 1) * after
    return Made(curve(level + made.noise(made.steps)), at, made.steps)


def not_finite(seed: int) -> Made:
    """From one step on no loss is finite."""
    made = Maker(seed)
    losses, at = made.decay() + made.noise(made.steps), made.planted()
    losses[at:] = np.nan
    return Made(curve(losses), at, made.steps)


def loud(seed: int) -> Made:
    """From one step on the noise is five times as great."""
    made = Maker(seed)
    at = made.planted()
    noise = made.noise(made.steps)
    noise[at:] *= 5.0
    return Made(curve(made.decay() + noise), at, made.steps)


def spiked(seed: int) -> Made:
    """From one step on one step of twelve has a loss 30 deviations too high."""
    made = Maker(seed)
    losses, at = made.decay() + made.noise(made.steps), made.planted()
    losses[at::12] += 30.0 * made.sigma
    return Made(curve(losses), at, made.steps)


def surged(seed: int) -> Made:
    """The loss first rises by half of the fall, for an eighth of the run, and then falls."""
    made = Maker(seed)
    hump = 0.5 * made.fall * np.sin(np.pi * np.clip(made.at / 0.25, 0.0, 1.0))
    level = made.floor + made.fall * np.exp(-np.maximum(0.0, made.at - 0.12) / 0.3) + hump
    return Made(curve(level + made.noise(made.steps)), 0, made.steps)


def creeping(seed: int) -> Made:
    """The loss falls in a line by a twentieth to a tenth of its level, 30 deviations."""
    made = Maker(seed)
    fall = made.random.uniform(0.05, 0.10) * (made.floor + 1.0)
    made.sigma = fall / 30.0
    return Made(curve(made.floor + 1.0 - fall * made.at + made.noise(made.steps)), 0, made.steps)


def motionless(seed: int) -> Made:
    """The loss does not move at all."""
    made = Maker(seed)
    made.sigma = 0.02 * (made.floor + 1.0)
    return Made(curve(made.floor + 1.0 + made.noise(made.steps)), 0, made.steps)


def cut_short(seed: int) -> Made:
    """The loss falls nearly in a line, by 30 deviations, to the end."""
    made = Maker(seed)
    level = made.floor + made.fall * (1.0 - 0.9 * made.at)
    made.sigma = 0.9 * made.fall / 30.0
    at = int(0.75 * made.steps)
    return Made(curve(level + made.noise(made.steps)), at, made.steps)


def levelled(seed: int) -> Made:
    """The loss falls in a line and then stays for the rest, at least 55 % of the run."""
    made = Maker(seed)
    at = made.planted(0.2, 0.45)
    level = made.floor + made.fall * np.maximum(0.0, 1.0 - np.arange(made.steps) / at)
    return Made(curve(level + made.noise(made.steps)), at, made.steps)
