"""Chooses the rows to hold out from training, by hashes alone (docs/protocol.md, rule R17)."""

from collections.abc import Mapping
from itertools import islice
from typing import Literal

Half = Literal["tune", "judge"]

LEAST_FAMILIES = 10
"""Smaller files are trained whole: an exam of one or two questions proves nothing."""

LARGEST_SHARE = 0.2
"""A family with a larger share of the rows is not held out: all but one would be withheld."""

HALVED_FROM = 20
"""Fewer hold-out rows are all judge rows; more are split into tune and judge."""

WHOLE = 2**64


def choose(rows: Mapping[int, int], share: float, most: int) -> frozenset[int]:
    """Return the families to hold out, by their hashes.

    `rows` has the number of rows of each eligible family. From ten families on at least one is held
    out, and more than half of them stay in training.
    """
    if len(rows) < LEAST_FAMILIES or share <= 0:
        return frozenset()
    wanted = min(most, max(1, round(len(rows) * share)))
    largest = max(1.0, sum(rows.values()) * LARGEST_SHARE)
    fit = (family for family in sorted(rows) if rows[family] <= largest)
    return frozenset(islice(fit, wanted))


def half_of(question: int, total: int) -> Half:
    """Return whether a row is for tune or judge; `total` counts the file's hold-out rows."""
    if total < HALVED_FROM:
        return "judge"
    return "tune" if (question * 0x9E3779B97F4A7C15 % WHOLE) >> 63 else "judge"
