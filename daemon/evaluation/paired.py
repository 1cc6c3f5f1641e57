"""The paired one-sided tests behind a verdict; knows numbers, not what they measure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

EXACT_BELOW = 10
"""With fewer pairs every assignment of signs is counted, with more Wilcoxon's test is used."""


@dataclass(frozen=True)
class Paired:
    """The change from reference to candidate on the same items, and the chances of it by luck."""

    items: int
    mean_change: float
    """Candidate minus reference; negative is better where lower is better."""
    p_better: float
    p_worse: float


def compare(candidate: Sequence[float], reference: Sequence[float]) -> Paired:
    """Test whether the candidate's values are lower (better) or higher (worse).

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
    return Paired(len(changes), mean, test([-c for c in changes]), test(changes))


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
