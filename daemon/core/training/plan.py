"""Plans the batches of a run: which texts make up each step.

The plan follows from the seed and the lengths, so every attempt of a run sees the same batches.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

WINDOW_STEPS = 16
"""Texts that cannot share a row are sorted by length, within windows of this many steps."""


@dataclass(frozen=True)
class PlannedStep:
    """One optimizer step."""

    epoch: int
    """Counts from 1."""
    own: tuple[int, ...]
    """Texts of the run, by number."""
    replayed: tuple[int, ...]
    """Replayed texts, by number."""


class Plan:
    """The steps of one run: every text once in each epoch, every replayed text once in the run.

    The same texts share a step in all epochs, only the order of the steps differs: so the outputs
    of the frozen layers can be cached by step.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        batch_rows: int,
        epochs: int,
        seed: int,
        draws: int = 0,
        by_length: bool = False,
    ) -> None:
        """`by_length` puts texts of similar length into one step."""
        self._epochs = epochs
        self._seed = seed
        self._draws = draws
        self._batches = _batches(lengths, batch_rows, mix(seed, "batches"), by_length)
        # Two threads call this, for this step and the next: at an epoch's end, for two epochs.
        self._order_of = lru_cache(maxsize=2)(self._shuffle)

    @property
    def steps_of_epoch(self) -> int:
        """Optimizer steps of one epoch; one of them may have fewer texts."""
        return len(self._batches)

    @property
    def steps(self) -> int:
        """Optimizer steps of the run."""
        return self.steps_of_epoch * self._epochs

    def batch(self, index: int) -> PlannedStep:
        """Return a step's texts; `index` counts from 0."""
        epoch, place = divmod(index, self.steps_of_epoch)
        # Replay is spread evenly; rounding down at both ends leaves none out and repeats none.
        draws = range(self.drawn(index), self.drawn(index + 1))
        return PlannedStep(epoch + 1, self._batches[self._order_of(epoch)[place]], tuple(draws))

    def _shuffle(self, epoch: int) -> list[int]:
        return shuffled(range(self.steps_of_epoch), mix(self._seed, "epoch", epoch))

    def drawn(self, steps: int) -> int:
        """Return how many texts are replayed in the first `steps` steps."""
        return steps * self._draws // self.steps


def steps_of(texts: int, batch_rows: int, epochs: int) -> int:
    """Return the optimizer steps of a run."""
    return -(-texts // batch_rows) * epochs


def draws_of(texts: int, epochs: int, share: float) -> int:
    """Return how many earlier texts to replay, so that they make up `share` of all trained texts.

    `share` is below 1.
    """
    return round(texts * epochs * share / (1.0 - share))


def _batches(
    lengths: Sequence[int], batch_rows: int, seed: int, by_length: bool
) -> list[tuple[int, ...]]:
    order: Sequence[int] = shuffled(range(len(lengths)), seed)
    if by_length:
        windows = _cut(order, WINDOW_STEPS * batch_rows)
        order = [
            text for w in windows for text in sorted(w, key=lambda text: (lengths[text], text))
        ]
    return [tuple(texts) for texts in _cut(order, batch_rows)]


def _cut(items: Sequence[int], size: int) -> list[Sequence[int]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def shuffled(items: Iterable[int], seed: int) -> list[int]:
    """Return the items in an order that depends on the seed alone, on every machine."""
    return sorted(items, key=lambda item: (mix(seed, item), item))


def mix(seed: int, *parts: object) -> int:
    """Return 63 bits that depend on every part."""
    text = ":".join(str(part) for part in (seed, *parts))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") >> 1
