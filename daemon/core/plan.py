"""Which rows make up each step of a run and how they are padded; knows lengths, never contents.

Everything follows from the seed and the lengths, so every attempt of a run sees the same batches.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

WINDOW_STEPS = 16
"""Rows of so many steps are sorted by length together: little padding, still well mixed."""

MOST_WIDTHS = 8
"""Padded lengths in use; each is one more compiled trace that is never freed."""

PASS_COST_TOKENS = 64
"""What one more pass costs, in padded tokens of work; measured roughly."""


@dataclass(frozen=True)
class Batch:
    """One optimizer step."""

    epoch: int
    """Counts from 1."""
    rows: tuple[int, ...]


@dataclass(frozen=True)
class PaddedPass:
    """Rows computed at once, all padded to one width."""

    width: int
    rows: tuple[int, ...]


class Plan:
    """The steps of one run: every row once in each epoch."""

    def __init__(self, lengths: Sequence[int], batch_rows: int, epochs: int, seed: int) -> None:
        self._lengths = lengths
        self._batch_rows = batch_rows
        self._epochs = epochs
        self._seed = seed
        self._epoch = -1
        self._batches: list[tuple[int, ...]] = []

    @property
    def steps_of_epoch(self) -> int:
        """Optimizer steps of one epoch; the last one may have fewer rows."""
        return -(-len(self._lengths) // self._batch_rows)

    @property
    def steps(self) -> int:
        """Optimizer steps of the run."""
        return self.steps_of_epoch * self._epochs

    def batch(self, index: int) -> Batch:
        """Return a step's rows; `index` counts from 0."""
        epoch, place = divmod(index, self.steps_of_epoch)
        if epoch != self._epoch:
            self._batches = _epoch_batches(
                self._lengths, self._batch_rows, mix(self._seed, "epoch", epoch)
            )
            self._epoch = epoch
        return Batch(epoch + 1, self._batches[place])


def _epoch_batches(lengths: Sequence[int], batch_rows: int, seed: int) -> list[tuple[int, ...]]:
    order = shuffled(range(len(lengths)), seed)
    batches = []
    for window in _cut(order, WINDOW_STEPS * batch_rows):
        by_length = sorted(window, key=lambda row: (lengths[row], row))
        batches += [tuple(rows) for rows in _cut(by_length, batch_rows)]
    return [batches[index] for index in shuffled(range(len(batches)), mix(seed, "batches"))]


def _cut(items: Sequence[int], size: int) -> list[Sequence[int]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def widths(lengths: Iterable[int], most: int = MOST_WIDTHS) -> tuple[int, ...]:
    """Return at most `most` padded lengths, multiples of 8, the greatest fitting every row."""
    rounded = sorted(-(-max(1, length) // 8) * 8 for length in lengths)
    known = sorted(set(rounded))
    if len(known) <= most:
        return tuple(known)
    edges = {rounded[-(-len(rounded) * part // most) - 1] for part in range(1, most + 1)}
    return tuple(sorted(edges))


def width_of(length: int, allowed: Sequence[int]) -> int:
    """Return the least allowed width a row fits in; a longer row gets a multiple of 64."""
    return next((width for width in allowed if width >= length), -(-length // 64) * 64)


def passes(
    rows: Sequence[int], lengths: Sequence[int], allowed: Sequence[int], pass_tokens: int
) -> list[PaddedPass]:
    """Split a step into passes of at most `pass_tokens` padded tokens, but never a single row."""
    order = sorted(rows, key=lambda row: (-lengths[row], row))
    found: list[PaddedPass] = []
    current: list[int] = []
    width = 0
    for place, row in enumerate(order):
        own = width_of(lengths[row], allowed)
        saved = (width - own) * (len(order) - place)
        if current and ((len(current) + 1) * width > pass_tokens or saved > PASS_COST_TOKENS):
            found.append(PaddedPass(width, tuple(current)))
            current = []
        width = width if current else own
        current.append(row)
    return [*found, PaddedPass(width, tuple(current))] if current else found


def shuffled(items: Iterable[int], seed: int) -> list[int]:
    """Return the items in an order that depends on the seed alone, on every machine."""
    return sorted(items, key=lambda item: (mix(seed, item), item))


def mix(seed: int, *parts: object) -> int:
    """Return 63 bits that depend on every part."""
    text = ":".join(str(part) for part in (seed, *parts))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") >> 1
