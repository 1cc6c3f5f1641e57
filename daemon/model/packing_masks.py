"""Block-diagonal attention masks for packed texts, in the form of mlx-lm's KV caches."""

from collections.abc import Sequence
from typing import Any

from daemon.model.backend import mx


class BlockDiagonalMask:
    """A fake KV cache: supplies the block-diagonal mask and caches nothing.

    Rotary positions are relative, so a text may begin anywhere in its row.
    """

    offset = 0

    def __init__(self, segments: Any) -> None:
        """`segments` is (rows, width): the number of the text that each token belongs to."""
        self._segments = segments
        self._masks: dict[int | None, Any] = {}

    def make_mask(
        self, width: int, return_array: bool = False, window_size: int | None = None
    ) -> Any:
        """Return which token attends to which: (rows, 1, width, width)."""
        del return_array
        if window_size not in self._masks:
            places = mx.arange(width)
            seen = places[:, None] >= places[None]
            if window_size is not None:
                seen = seen & (places[:, None] < places[None] + window_size)
            same = self._segments[:, :, None] == self._segments[:, None, :]
            self._masks[window_size] = (same & seen)[:, None]
        return self._masks[window_size]

    def update_and_fetch(self, keys: Any, values: Any) -> tuple[Any, Any]:
        """Return keys and values unchanged."""
        return keys, values


def packing_masks(layers: int, segments: Any) -> list[BlockDiagonalMask]:
    """Return the caches of a model with so many layers; they share their masks."""
    return [BlockDiagonalMask(segments)] * layers


def segments_of(lengths: Sequence[Sequence[int]], width: int) -> list[list[int]]:
    """Return the number of the text of each token; padding is a text of its own."""
    rows = []
    for row in lengths:
        numbers = [number for number, length in enumerate(row) for _ in range(length)]
        rows.append(numbers + [len(row)] * (width - len(numbers)))
    return rows
