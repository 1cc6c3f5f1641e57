"""Which rows are kept out of training, by hashes alone (docs/protocol.md, rule R17)."""

from collections import Counter
from collections.abc import Sequence
from typing import Literal

Half = Literal["tune", "judge"]

LEAST_ROWS = 10
"""Smaller files are trained whole."""

HALVED_FROM = 20
"""Fewer hold-out rows than this all judge; more are divided in two halves."""

WHOLE = 2**64


def choose(hashes: Sequence[int], share: float, most: int) -> frozenset[int]:
    """Return the hashes whose rows are held out.

    Rows with equal hashes fall on one side together. From ten rows on at least one question is held
    out, and at least one question stays in training.
    """
    if len(hashes) < LEAST_ROWS or share <= 0:
        return frozenset()
    rows = Counter(hashes)
    if len(rows) < 2:
        return frozenset()
    wanted = min(most, max(1, round(len(hashes) * share)))
    chosen: set[int] = set()
    taken = 0
    for question in sorted(rows):
        if taken >= wanted or len(chosen) == len(rows) - 1:
            break
        # A question with very many rows would take the whole share for itself and more.
        if taken + rows[question] <= max(wanted, 1) or (
            not chosen and rows[question] < len(hashes) / 2
        ):
            chosen.add(question)
            taken += rows[question]
    return frozenset(chosen)


def half_of(question: int, total: int) -> Half:
    """Return what a hold-out row is for; `total` counts the file's hold-out rows."""
    if total < HALVED_FROM:
        return "judge"
    return "tune" if (question * 0x9E3779B97F4A7C15 % WHOLE) >> 63 else "judge"
