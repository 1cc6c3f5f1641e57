"""Chooses between packed rows and one text per row, by the measured time per token.

Packed rows are full but need an explicit attention mask; rows of one text are padded, and may have
a faster attention.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from daemon.core.training.packing import Pass, RowShapes, lay_out

RowLayout = Literal["packed", "alone"]

CLEARLY = 0.95
"""Packed rows are used where the others take more than this share of their time."""

MOST_TEXTS = 4096
"""At most this many of a run's texts, evenly spaced, are looked at to decide."""


@dataclass(frozen=True)
class RowCosts:
    """Seconds per computed token, measured on one machine for one base."""

    row_tokens: int
    """The length of the packed rows that were measured."""
    packed_s: float
    alone_s: Mapping[int, float]
    """In rows of one text, by row length."""

    def of_pass(self, item: Pass, shapes: RowShapes) -> float:
        """Return the seconds of one layer for a pass."""
        tokens = shapes.height(item.width, len(item.rows)) * item.width
        if any(len(row) > 1 for row in item.rows):
            return tokens * self.packed_s
        longer = [length for length in self.alone_s if length >= item.width]
        return tokens * self.alone_s[min(longer) if longer else max(self.alone_s)]


def alone_share(
    costs: RowCosts, lengths: Sequence[int], batch_rows: int, shapes: RowShapes
) -> float:
    """Return the time that rows of one text take, as a share of the time of packed rows."""
    some = lengths[:: -(-len(lengths) // MOST_TEXTS) or 1]
    packed = _seconds(costs, some, batch_rows, replace(shapes, packed=True))
    # Without packing, a step has texts of similar length.
    alone = _seconds(costs, sorted(some), batch_rows, replace(shapes, packed=False))
    return alone / packed if packed else 1.0


def layout_for(share: float) -> RowLayout:
    """Return the layout, given the share of time that rows of one text take."""
    return "alone" if share < CLEARLY else "packed"


def _seconds(costs: RowCosts, lengths: Sequence[int], batch_rows: int, shapes: RowShapes) -> float:
    return sum(
        costs.of_pass(item, shapes)
        for start in range(0, len(lengths), batch_rows)
        for item in lay_out(range(start, min(start + batch_rows, len(lengths))), lengths, shapes)
    )
