"""Paired tests of the same items before and after: Wilcoxon's signed ranks and McNemar's test."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import comb

import numpy as np
from numpy.typing import NDArray

EXACT_UP_TO = 400
"""Up to so many changes the exact distribution is used; beyond, the normal approximation."""
DIGITS = 12
"""Decimals of a change that count: a difference by rounding alone is a tie, or no change."""

Label = str | int
Labels = Sequence[Label | None]
"""The family of each item; None for an item that is a family of its own."""
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Paired:
    """The change from reference to candidate on the same items, and its one-sided p-values."""

    items: int
    mean_change: float
    """Candidate minus reference; every family has the same weight."""
    p_better: float
    p_worse: float
    families: int | None = None
    """How many families were tested; None if every item is its own."""


def compare(
    candidate: Sequence[float],
    reference: Sequence[float],
    families: Labels | None = None,
    *,
    higher_is_better: bool = False,
) -> Paired:
    """Test whether the candidate's values are better or worse than the reference's.

    The unit is the family: the changes of its items are averaged first. Families without a change
    are left out, and the others tested by Wilcoxon's signed ranks (Wilcoxon 1945; ties have their
    mean rank). The chance is exact: among all assignments of signs to these ranks.

    Raises:
        ValueError: no items, or not as many on both sides, or not as many labels.
    """
    changes = _changes(candidate, reference)
    units = _units(changes, families)
    greater, smaller = _signed_ranks(units)
    better, worse = (greater, smaller) if higher_is_better else (smaller, greater)
    return Paired(len(changes), float(units.mean()), better, worse, _fewer(units, changes))


def compare_right(
    candidate: Sequence[bool], reference: Sequence[bool], families: Labels | None = None
) -> Paired:
    """Test whether more items are right, or fewer: McNemar's test, exact (McNemar 1947).

    Only items on which the two differ count: by luck each would be a coin toss. Where
    several items are of one family, its mean change is tested by signed ranks; with one item each
    that is the same test.

    Raises:
        ValueError: no items, or not as many on both sides, or not as many labels.
    """
    changes = _changes(candidate, reference)
    units = _units(changes, families)
    if _fewer(units, changes) is not None:
        return compare(candidate, reference, families, higher_is_better=True)
    gained, lost = int(np.sum(changes > 0)), int(np.sum(changes < 0))
    mean = (gained - lost) / len(changes)
    return Paired(len(changes), mean, _tosses(gained, lost), _tosses(lost, gained))


def family_numbers(families: Labels) -> NDArray[np.int64]:
    """Return the families of items as numbers from 0, in order of first appearance."""
    seen: dict[Label, int] = {}
    number = 0
    numbers = []
    for label in families:
        place = number if label is None else seen.setdefault(label, number)
        number += place == number
        numbers.append(place)
    return np.array(numbers, dtype=np.int64)


def _changes(candidate: Iterable[float], reference: Iterable[float]) -> Floats:
    changes = [float(new) - float(old) for new, old in zip(candidate, reference, strict=True)]
    if not changes:
        raise ValueError("nothing to compare")
    return np.array(changes)


def _units(changes: Floats, families: Labels | None) -> Floats:
    """Return the mean change of each family."""
    if families is None:
        return changes
    if len(families) != len(changes):
        raise ValueError(f"{len(changes)} items and the families of {len(families)}")
    numbers = family_numbers(families)
    return np.bincount(numbers, weights=changes) / np.bincount(numbers)


def _fewer(units: Floats, changes: Floats) -> int | None:
    return len(units) if len(units) < len(changes) else None


def _tosses(seen: int, others: int) -> float:
    """Return the chance of at least `seen` heads among all tosses."""
    tosses = seen + others
    as_many = sum(comb(tosses, heads) for heads in range(seen, tosses + 1))
    return float(as_many / 2**tosses)


def _signed_ranks(changes: Floats) -> tuple[float, float]:
    """Return the chances of rises, and of falls, at least as great as the observed ones."""
    rounded = np.round(changes, DIGITS)
    rounded = rounded[rounded != 0.0]
    if len(rounded) > EXACT_UP_TO:
        return _normal(rounded)
    ranks = _doubled_ranks(np.abs(rounded))
    tails = _tails(tuple(sorted(ranks.tolist())))
    raised = int(ranks[rounded > 0.0].sum())
    # Falls as great as these are rises as small: the distribution is symmetric.
    return float(tails[raised]), float(tails[int(ranks.sum()) - raised])


def _doubled_ranks(sizes: Floats) -> NDArray[np.int64]:
    """Return twice the rank of each size: an integer even where ties share their mean rank."""
    _, places, counts = np.unique(sizes, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((2 * ends - counts + 1)[places], dtype=np.int64)


@lru_cache(maxsize=16)
def _tails(ranks: tuple[int, ...]) -> Floats:
    """Return, for each sum, the chance of at least that sum if each rank counts by a coin toss."""
    chances = np.zeros(sum(ranks) + 1)
    chances[0] = 1.0
    for end, rank in zip(np.cumsum(ranks), ranks, strict=True):
        chances[rank : end + 1] += chances[: end + 1 - rank].copy()
        chances[: end + 1] *= 0.5
    # Summed from the small end, so that a chance of 1e-30 keeps its digits.
    return np.minimum(np.cumsum(chances[::-1])[::-1], 1.0)


def _normal(changes: Floats) -> tuple[float, float]:
    # Imported here: scipy takes half a second, and a worker rarely needs it.
    from scipy.stats import wilcoxon

    greater, smaller = (
        float(wilcoxon(changes, alternative=side, method="asymptotic", correction=True).pvalue)
        for side in ("greater", "less")
    )
    return greater, smaller
