"""The paired one-sided tests behind a verdict; knows numbers, not what they measure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import comb

EXACT_BELOW = 10
"""With fewer pairs every assignment of signs is counted, with more Wilcoxon's test is used."""


@dataclass(frozen=True)
class Paired:
    """The change from reference to candidate on the same items, and the chances of it by luck."""

    items: int
    mean_change: float
    """Candidate minus reference."""
    p_better: float
    p_worse: float


def compare(
    candidate: Sequence[float], reference: Sequence[float], *, higher_is_better: bool = False
) -> Paired:
    """Test whether the candidate's values are better or worse than the reference's.

    Raises:
        ValueError: no items, or not as many on both sides.
    """
    changes = [new - old for new, old in zip(candidate, reference, strict=True)]
    if not changes:
        raise ValueError("nothing to compare")
    mean = sum(changes) / len(changes)
    if not any(changes):
        return Paired(len(changes), 0.0, 1.0, 1.0)
    test = _sign_flips if len(changes) < EXACT_BELOW else _wilcoxon
    greater, smaller = test(changes), test([-change for change in changes])
    better, worse = (greater, smaller) if higher_is_better else (smaller, greater)
    return Paired(len(changes), mean, better, worse)


def compare_right(candidate: Sequence[bool], reference: Sequence[bool]) -> Paired:
    """Test whether more items are right, or fewer: McNemar's test, exact (McNemar 1947).

    Only items on which the two differ tell anything: by luck each would be a coin's toss.

    Raises:
        ValueError: no items, or not as many on both sides.
    """
    gained = sum(new and not old for new, old in zip(candidate, reference, strict=True))
    lost = sum(old and not new for new, old in zip(candidate, reference, strict=True))
    if not candidate:
        raise ValueError("nothing to compare")
    mean = (gained - lost) / len(candidate)
    return Paired(len(candidate), mean, _tosses(gained, lost), _tosses(lost, gained))


def _tosses(seen: int, others: int) -> float:
    """Return the chance of at least so many heads among all tosses."""
    tosses = seen + others
    as_many = sum(comb(tosses, heads) for heads in range(seen, tosses + 1))
    return float(as_many / 2**tosses)


def _sign_flips(changes: Sequence[float]) -> float:
    """Return the chance of a sum as great as this if each sign were a coin's (Fisher 1935)."""
    sizes = [abs(change) for change in changes]
    seen = sum(changes) - 1e-12 * sum(sizes)
    flips = list(product((-1.0, 1.0), repeat=len(sizes)))
    as_great = sum(
        sum(sign * size for sign, size in zip(signs, sizes, strict=True)) >= seen for signs in flips
    )
    return as_great / len(flips)


def _wilcoxon(changes: Sequence[float]) -> float:
    # Imported here: scipy takes half a second, and most of a worker's life needs none of it.
    from scipy.stats import wilcoxon

    return float(wilcoxon(changes, alternative="greater").pvalue)
