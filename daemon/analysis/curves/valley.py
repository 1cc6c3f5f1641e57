"""Fits the best fall followed by a rise to noisy values (unimodal isotonic regression).

Both branches are isotonic regressions (pool adjacent violators, Ayer et al. 1955). They assume
nothing about the shape but its turn, so that a steep fall or a sharp turn is not mistaken for
noise, as it is by differences of a few values.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

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

    0 where the turn explains everything, 1 where it explains nothing.
    """


@dataclass
class _Block:
    """Neighbouring values of one level."""

    mean: float
    count: int
    squares: float


def valley(values: Array) -> Valley:
    """Return the best-fitting valley; needs at least one value."""
    falls = [_squares(blocks) for blocks in _fits(-values)]
    rises = [_squares(blocks) for blocks in _fits(-values[::-1])][::-1]
    both = np.array(falls) + np.array(rises)
    turn = int(np.argmin(both))
    level = np.concatenate([-_level(-values[:turn]), -_level(-values[turn:][::-1])[::-1]])
    doubt = float(both[turn] / falls[-1]) if falls[-1] > 0.0 else 1.0
    lowest = int(np.argmin(level))
    return Valley(lowest, float(level[lowest]), doubt)


def _fits(values: Array) -> Iterator[list[_Block]]:
    """Yield the best non-decreasing fit of no value, of the first, of the first two, and so on."""
    blocks: list[_Block] = []
    yield blocks
    for value in values:
        last = _Block(float(value), 1, 0.0)
        while blocks and blocks[-1].mean >= last.mean:
            last = _pooled(blocks.pop(), last)
        blocks.append(last)
        yield blocks


def _pooled(one: _Block, other: _Block) -> _Block:
    count = one.count + other.count
    apart = (other.mean - one.mean) ** 2 * one.count * other.count / count
    mean = (one.mean * one.count + other.mean * other.count) / count
    return _Block(mean, count, one.squares + other.squares + apart)


def _squares(blocks: list[_Block]) -> float:
    return sum(block.squares for block in blocks)


def _level(values: Array) -> Array:
    *_, blocks = _fits(values)
    return np.repeat([block.mean for block in blocks], [block.count for block in blocks])
