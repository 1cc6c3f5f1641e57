"""Finds rows of one file that ask the same, and keeps the most complete of them."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from daemon.dedup.likeness import Likeness, lengths_fit, more_complete, same_question
from daemon.dedup.matching import MOST_COMPARED, ExampleAt, How, Judge
from daemon.dedup.recent import Recent
from daemon.folders.queue.fingerprints import BANDS, Keys

CROWD = 64
"""Questions with one band key that are compared each with each; in a larger crowd each with so many
of its neighbours."""

I64 = npt.NDArray[np.int64]
Policy = Literal["keep", "newest", "refuse"]


@dataclass(frozen=True, slots=True)
class Twin:
    """Why a row is not kept, or what it contradicts."""

    kind: Literal["duplicate", "conflict"]
    how: How
    of: int
    """The place of the other row."""


@dataclass
class Within:
    """What was found in one file."""

    dropped: dict[int, Twin] = field(default_factory=dict)
    """By place: duplicates, and what the policy drops of conflicts."""
    conflicts: list[tuple[int, int, How]] = field(default_factory=list)
    """(later, earlier) rows with one question and different answers, whatever the policy."""
    unchecked: int = 0
    """Rows in crowds too large to compare each with each."""


def compare(keys: Keys, example_at: ExampleAt, judge: Judge, policy: Policy) -> Within:
    """Compare the rows of a file, given in their order."""
    if not len(keys):
        return Within()
    return _Comparison(keys, example_at, judge, policy).result


class _Comparison:
    """The rows of one file while they are compared."""

    def __init__(self, keys: Keys, example_at: ExampleAt, judge: Judge, policy: Policy) -> None:
        self.result = Within()
        self._judge = judge
        self._policy = policy
        self._sides = Recent(lambda place: judge.side(example_at(place)))
        _, first, classes = np.unique(keys["content"], return_index=True, return_inverse=True)
        links = self._links(keys, first)
        several = np.flatnonzero(np.bincount(classes) > 1)
        wanted = np.isin(classes, np.array([*several.tolist(), *links], np.int64))
        kept: defaultdict[int, list[int]] = defaultdict(list)
        for row in np.flatnonzero(wanted).tolist():
            own = int(classes[row])
            near = [other for one in (own, *links.get(own, ())) for other in kept[one]]
            self.result.unchecked += len(near) > MOST_COMPARED
            if not near or self._settle(row, near[:MOST_COMPARED]):
                kept[own].append(row)

    def _links(self, keys: Keys, first: I64) -> dict[int, list[int]]:
        """Return for each class of equal content the classes that differ in spelling only."""
        links: defaultdict[int, list[int]] = defaultdict(list)
        pairs, crowded = _proposed(keys, first)
        self.result.unchecked = int(crowded.sum())
        for pair in pairs.tolist():
            one, other = divmod(pair, len(first))
            mine, its = self._sides[int(first[one])], self._sides[int(first[other])]
            if same_question(mine.wording, its.wording) is not None:
                links[one].append(other)
                links[other].append(one)
        return links

    def _settle(self, row: int, near: list[int]) -> bool:
        """Decide about a row; return whether it stays a candidate for later ones."""
        dropped, mine = self.result.dropped, self._sides[row]
        for other in near:
            if other in dropped:
                continue
            its = self._sides[other]
            likeness = self._judge.likeness(mine, its)
            if likeness is None:
                continue
            settled = self._judge.settled(likeness, mine, its)
            if settled == "duplicate":
                if more_complete(mine.answers, its.answers):
                    dropped[other] = Twin("duplicate", likeness, row)
                    continue
                dropped[row] = Twin("duplicate", likeness, other)
                return False
            if settled == "conflict":
                self._contradict(row, other, likeness)
        return row not in dropped

    def _contradict(self, row: int, other: int, likeness: Likeness) -> None:
        self.result.conflicts.append((row, other, likeness))
        if self._policy != "keep":
            self.result.dropped[other] = Twin("conflict", likeness, row)
        if self._policy == "refuse":
            self.result.dropped[row] = Twin("conflict", likeness, other)


def _proposed(keys: Keys, first: I64) -> tuple[I64, npt.NDArray[np.bool_]]:
    """Return pairs (a * n + b) of the n chosen rows with an equal band, and who was in a crowd."""
    size = len(first)
    lengths = keys["length"][first]
    crowded = np.zeros(size, np.bool_)
    found = [np.zeros(0, np.int64)]
    for band in range(BANDS):
        column = keys["bands_v1"][:, band][first]
        order = np.argsort(column, kind="stable")
        column = column[order]
        for gap in range(1, CROWD):
            equal = np.flatnonzero(column[:-gap] == column[gap:])
            if not len(equal):
                break
            one, other = np.sort([order[equal], order[equal + gap]], axis=0)
            fit = lengths_fit(lengths[one], lengths[other])
            found.append(one[fit] * np.int64(size) + other[fit])
        else:
            equal = np.flatnonzero(column[:-CROWD] == column[CROWD:])
            crowded[order[equal]] = True
    pairs = np.concatenate(found)
    found.clear()
    pairs.sort()
    return pairs[np.concatenate([[True], pairs[1:] != pairs[:-1]])[: len(pairs)]], crowded
