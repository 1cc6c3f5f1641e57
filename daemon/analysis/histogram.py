"""Histogram of non-negative integers in logarithmic bins: any range in a few kilobytes."""

from collections.abc import Sequence

import numpy as np

from daemon.core.records import JsonObject

FINE = 16
"""Bins an octave; the error of a percentile is at most 1/45."""
SHOWN = (2, 4, 8, 16)
"""Bins an octave in a record, which people see: the first that gives enough bins."""
ENOUGH = 10
BINS = 40 * FINE
"""Values up to 2 ** 40."""
PERCENTILES = (5, 50, 95)


class Histogram:
    """Counts values of at least 0; one bin holds the zeros."""

    def __init__(self) -> None:
        self._counts = np.zeros(BINS, np.int64)
        self._zeros = 0
        self._total = 0
        self._least: int | None = None
        self._most = 0

    def add(self, values: Sequence[int]) -> None:
        """Count a batch."""
        if not values:
            return
        found = np.array(values, np.int64)
        positive = found[found > 0]
        bins = np.minimum((np.log2(positive) * FINE + 1e-9).astype(np.int64), BINS - 1)
        self._counts += np.bincount(bins, minlength=BINS)
        self._zeros += len(found) - len(positive)
        self._total += int(found.sum())
        least = int(found.min())
        self._least = least if self._least is None else min(self._least, least)
        self._most = max(self._most, int(found.max()))

    @property
    def count(self) -> int:
        """How many values there were."""
        return self._zeros + int(self._counts.sum())

    def as_record(self) -> JsonObject:
        """Return JSON values: count, mean, p5, p50, p95, max and bins with both ends included."""
        count = self.count
        record: JsonObject = {
            "count": count,
            "mean": round(self._total / count, 1) if count else None,
            "max": self._most if count else None,
        }
        record |= {f"p{share}": self._percentile(share) for share in PERCENTILES}
        return record | {"bins": self._bins()}

    def _percentile(self, share: int) -> int | None:
        if self._least is None:
            return None
        rank = max(1, -(-self.count * share // 100))
        if rank <= self._zeros:
            return 0
        place = int(np.searchsorted(np.cumsum(self._counts), rank - self._zeros))
        first, last = _ends(place, FINE)
        return min(max((first + last) // 2, self._least), self._most)

    def _an_octave(self) -> int:
        used = np.flatnonzero(self._counts)
        octaves = (int(used[-1]) - int(used[0]) + 1) / FINE if len(used) else 0.0
        return next((n for n in SHOWN if octaves * n >= ENOUGH), SHOWN[-1])

    def _bins(self) -> list[dict[str, int]]:
        an_octave = self._an_octave()
        coarse = self._counts.reshape(-1, FINE // an_octave).sum(axis=1)
        used = np.flatnonzero(coarse)
        found = [{"from": 0, "to": 0, "count": self._zeros}] if self._zeros else []
        # Empty bins between used ones stay: a chart must show the gap.
        for place in range(int(used[0]), int(used[-1]) + 1) if len(used) else ():
            first, last = _ends(place, an_octave)
            if last >= first:
                found.append({"from": first, "to": last, "count": int(coarse[place])})
        return found


def _ends(place: int, an_octave: int) -> tuple[int, int]:
    """Return the first and last whole number of a bin."""
    first, after = (-(-(2 ** (at / an_octave)) // 1) for at in (place, place + 1))
    return int(first), int(after) - 1
