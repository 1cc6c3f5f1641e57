"""Confidence intervals of a difference of means, by the paired bootstrap over rows or families."""

from collections.abc import Sequence

import numpy as np

from daemon.evaluation.paired import Labels, family_numbers

DRAWS = 20_000
CHUNK = 1_000

Rows = Sequence[tuple[float, int]]
"""Each row's sum (as of losses in nats) and its weight (as its tokens; a score weighs 1)."""


def by_family(rows: Rows, families: Labels | None) -> Rows:
    """Return the sums and weights of families: the units to resample where items are dependent.

    The weighted mean stays that of the rows.
    """
    if families is None or len(numbers := family_numbers(families)) == 0:
        return rows
    totals = np.bincount(numbers, weights=[total for total, _ in rows])
    weights = np.bincount(numbers, weights=[weight for _, weight in rows])
    return [(float(t), int(w)) for t, w in zip(totals, weights, strict=True)]


def interval(candidate: Rows, reference: Rows, level: float, seed: int) -> tuple[float, float]:
    """Return the interval of the difference of weighted means by percentiles.

    Rows are drawn with replacement, the same ones for both sides (Efron 1979; Koehn 2004).

    Raises:
        ValueError: no rows, or not the same ones on both sides.
    """
    tokens = np.array([count for _, count in reference], dtype=np.float64)
    if [count for _, count in candidate] != [count for _, count in reference] or not tokens.sum():
        raise ValueError("the two sides were not measured on the same rows")
    changes = np.array([total for total, _ in candidate]) - np.array([t for t, _ in reference])
    random = np.random.default_rng(seed)
    found = []
    for _ in range(DRAWS // CHUNK):
        drawn = random.integers(0, len(tokens), (CHUNK, len(tokens)))
        # A row without tokens adds nothing; a resample of only such rows counts as no change.
        found.append(changes[drawn].sum(axis=1) / np.maximum(tokens[drawn].sum(axis=1), 1.0))
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(np.concatenate(found), [tail, 1.0 - tail])
    return float(low), float(high)
