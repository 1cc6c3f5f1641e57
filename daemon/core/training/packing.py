"""Packs texts of different lengths into rows and passes, by their lengths alone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

Lengths = Sequence[int] | Mapping[int, int]
"""The tokens of each text, by its number."""

USUAL_ROW_TOKENS = 256
"""A length of packed rows for estimates, where none has been measured yet."""

GRAIN = 8
"""Widths are multiples of this, in tokens."""

PASS_COST_TOKENS = 64
"""What one more pass costs, in padded tokens of work; measured roughly."""


WIDTHS = 8
"""Widths of rows up to the packed length, where compiled shapes must be few."""

LONG_WIDTHS = 2
"""Widths of longer rows, for each such length."""

PICK_MULTIPLE = 64
"""The positions at which the head is computed are a multiple of this: shapes stay few."""


@dataclass(frozen=True)
class Pass:
    """Rows computed at once, all `width` long; each holds one text or several."""

    width: int
    rows: tuple[tuple[int, ...], ...]
    """The numbers of the texts in each row."""

    @property
    def texts(self) -> tuple[int, ...]:
        """The numbers of all texts."""
        return tuple(text for row in self.rows for text in row)


@dataclass(frozen=True)
class RowShapes:
    """The shapes in which a process computes."""

    row_tokens: int
    """Tokens of a packed row; a longer text has a row of its own."""
    pass_tokens: int
    """Most padded tokens of a pass; a single row may have more."""
    packed: bool = True
    """False for models that need one text a row."""
    few: bool = False
    """Each shape is one more compiled trace that is never freed."""

    @property
    def budget(self) -> int:
        """Most tokens of a packed row."""
        return min(self.row_tokens, self.pass_tokens)

    def width(self, tokens: int) -> int:
        """Return the padded length of a row of so many tokens."""
        if not self.few:
            return -(-max(1, tokens) // GRAIN) * GRAIN
        step = max(GRAIN, self.budget // (WIDTHS if tokens <= self.budget else LONG_WIDTHS))
        return -(-max(1, tokens) // step) * step

    def most_rows(self, width: int) -> int:
        """Return how many rows a pass of a width may have."""
        return max(1, self.pass_tokens // width)

    def joins(self, item: "Pass", row: Sequence[int]) -> bool:
        """Return whether one more row fits into a pass."""
        masked = len(row) > 1
        alike = not self.few or all((len(other) > 1) == masked for other in item.rows)
        return alike and len(item.rows) < self.most_rows(item.width)

    def height(self, width: int, rows: int) -> int:
        """Return the number of rows to compute for so many; those beyond are padding."""
        if not self.few:
            return rows
        return min(self.most_rows(width), 1 << (rows - 1).bit_length())

    def picks(self, count: int, positions: int) -> int:
        """Return at how many positions of a pass the head is computed, padding included."""
        if self.few:
            return _halved(positions, max(count, PICK_MULTIPLE))
        return min(positions, max(1, -(-count // PICK_MULTIPLE)) * PICK_MULTIPLE)


def lay_out(texts: Iterable[int], lengths: Lengths, shapes: RowShapes) -> list[Pass]:
    """Return the passes that compute the given texts, the longest first.

    `lengths` are those of all texts, in tokens, by number.
    """
    if not shapes.packed:
        return _padded(texts, lengths, shapes)
    rows = first_fit_decreasing(texts, lengths, shapes.budget)
    wide = sorted(
        ((shapes.width(sum(lengths[text] for text in row)), row) for row in rows),
        # Rows without a mask stay together: a shape is compiled separately for them.
        key=lambda item: (-item[0], shapes.few and len(item[1]) > 1, item[1]),
    )
    found: list[Pass] = []
    for width, row in wide:
        last = found[-1] if found else None
        if last is not None and last.width == width and shapes.joins(last, row):
            found[-1] = Pass(width, (*last.rows, row))
        else:
            found.append(Pass(width, (row,)))
    return found


def _halved(most: int, count: int) -> int:
    """Return the smallest of `most`, its half, a quarter ... that is at least `count`."""
    while most % 2 == 0 and most // 2 >= count:
        most //= 2
    return most


def _padded(texts: Iterable[int], lengths: Lengths, shapes: RowShapes) -> list[Pass]:
    """Put each text in a row of its own; start another pass where that is cheaper than padding."""
    order = sorted(texts, key=lambda text: (-lengths[text], text))
    found: list[Pass] = []
    current: list[int] = []
    width = 0
    for place, text in enumerate(order):
        own = shapes.width(lengths[text])
        saved = (width - own) * (len(order) - place)
        if current and (len(current) == shapes.most_rows(width) or saved > PASS_COST_TOKENS):
            found.append(Pass(width, tuple((one,) for one in current)))
            current = []
        width = width if current else own
        current.append(text)
    return [*found, Pass(width, tuple((one,) for one in current))] if current else found


def first_fit_decreasing(
    texts: Iterable[int], lengths: Lengths, budget: int
) -> list[tuple[int, ...]]:
    """Return rows of at most `budget` tokens that hold all texts; a longer text gets its own row.

    In n log n: a tree over the free space of the rows finds the first that fits.
    """
    order = sorted(texts, key=lambda text: (-lengths[text], text))
    longer = [(text,) for text in order if lengths[text] > budget]
    fitting = order[len(longer) :]
    leaves = 1 << max(0, len(fitting) - 1).bit_length()
    room = [budget] * (2 * leaves)
    rows: list[list[int]] = []
    for text in fitting:
        place = 1
        while place < leaves:
            place = 2 * place if room[2 * place] >= lengths[text] else 2 * place + 1
        if place - leaves == len(rows):
            rows.append([])
        rows[place - leaves].append(text)
        room[place] -= lengths[text]
        while place > 1:
            place //= 2
            room[place] = max(room[2 * place], room[2 * place + 1])
    return [*longer, *(tuple(row) for row in rows)]
