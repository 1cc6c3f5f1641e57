"""Finds rows of one file that repeat another one, and keeps the most complete of them."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from daemon.dedup.answers import more_complete
from daemon.dedup.judging import Judge
from daemon.dedup.likeness import Likeness, lengths_fit
from daemon.dedup.matching import MOST_COMPARED, ExampleAt, How
from daemon.dedup.questions import compared_question
from daemon.dedup.recent import Recent
from daemon.folders.queue.fingerprints import BANDS, Keys

PAIRS_AT_ONCE = 1 << 16

CROWD = 64
"""Questions with one band key that are compared each with each; in a larger crowd each with so many
of its neighbours."""

ON_PURPOSE = 3
"""So many answers to one question, word for word, are meant."""
ON_PURPOSE_SHARE = 0.2
"""Where so many of a file's rows share their question, two answers to one are meant too."""

I64 = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Policy = Literal["keep", "newest", "refuse"]


@dataclass(frozen=True, slots=True)
class InFileMatch:
    """Why a row is not kept, or what it contradicts."""

    kind: Literal["duplicate", "conflict"]
    how: How
    of: int
    """The place of the other row."""


@dataclass
class Within:
    """What was found in one file."""

    dropped: dict[int, InFileMatch] = field(default_factory=dict)
    """By place: duplicates, and what the policy drops of conflicts."""
    conflicts: list[tuple[int, int, How]] = field(default_factory=list)
    """(later, earlier) rows with one question and different answers, whatever the policy."""
    unchecked: int = 0
    """Rows in crowds too large to compare each with each."""
    meant: Bools = field(default_factory=lambda: np.zeros(0, np.bool_))
    """Rows with one of many answers to their question, all of which stay."""
    several: Bools = field(default_factory=lambda: np.zeros(0, np.bool_))
    """Rows of which another one of the file asks just the same and answers otherwise."""


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
        self._example_at = example_at
        self._sides = Recent(lambda place: judge.side(example_at(place)))
        left = self._drop_equal(keys)
        self._find_meant(keys, left)
        _, first, classes = np.unique(keys["content"][left], return_index=True, return_inverse=True)
        links = self._links(keys[left], left, first)
        several = np.flatnonzero(np.bincount(classes) > 1)
        wanted = np.isin(classes, np.array([*several.tolist(), *links], np.int64))
        kept: defaultdict[int, list[int]] = defaultdict(list)
        for number in np.flatnonzero(wanted).tolist():
            row, own = int(left[number]), int(classes[number])
            near = [other for one in (own, *links.get(own, ())) for other in kept[one]]
            self.result.unchecked += len(near) > MOST_COMPARED
            if self._settle(row, near[:MOST_COMPARED]):
                kept[own].append(row)
        self._compare_pairs(keys)
        self._forget_conflicts_of_dropped()

    def _drop_equal(self, keys: Keys) -> I64:
        """Drop rows with an equal question and an equal answer; return the places of the others."""
        order = np.lexsort((np.arange(len(keys)), keys["answer"], keys["question"]))
        question, answer = keys["question"][order], keys["answer"][order]
        again = (question[1:] == question[:-1]) & (answer[1:] == answer[:-1])
        starts = np.where(np.concatenate([[True], ~again]), np.arange(len(order)), 0)
        firsts = order[np.maximum.accumulate(starts)]
        for number in (np.flatnonzero(again) + 1).tolist():
            self.result.dropped[int(order[number])] = InFileMatch(
                "duplicate", "wording", int(firsts[number])
            )
        left = np.ones(len(keys), np.bool_)
        left[list(self.result.dropped)] = False
        return np.flatnonzero(left)

    def _find_meant(self, keys: Keys, left: I64) -> None:
        """Find the rows whose question has many answers on purpose, by numbers alone."""
        _, which, counts = np.unique(
            keys["question"][left], return_inverse=True, return_counts=True
        )
        answers = counts[which]
        shared = np.count_nonzero(answers > 1) >= ON_PURPOSE_SHARE * len(left)
        self.result.several = np.zeros(len(keys), np.bool_)
        self.result.several[left] = answers > 1
        self.result.meant = np.zeros(len(keys), np.bool_)
        self.result.meant[left] = (answers >= ON_PURPOSE) | ((answers > 1) & shared)

    def _links(self, keys: Keys, left: I64, first: I64) -> dict[int, list[int]]:
        """Return for each class of equal content the classes that may ask the same."""
        links: defaultdict[int, list[int]] = defaultdict(list)
        pairs, crowded = _proposed(keys, first)
        self.result.unchecked = int(crowded.sum())
        places = left[first]
        questions = Recent(lambda number: compared_question(self._example_at(int(places[number]))))
        for batch in _by_cluster(pairs, keys["bands_v2"][first]):
            for one, other in zip(*(side.tolist() for side in batch), strict=True):
                if self._judge.ask_alike(questions[one], questions[other]) is not None:
                    links[one].append(other)
                    links[other].append(one)
        return {number: sorted(others) for number, others in links.items()}

    def _settle(self, row: int, near: list[int]) -> bool:
        """Decide about a row; return whether it is a candidate for later ones."""
        if self.result.meant[row]:
            return False
        dropped, mine = self.result.dropped, self._sides[row]
        for other in near:
            if other in dropped:
                continue
            its = self._sides[other]
            likeness = self._judge.likeness(mine, its)
            if likeness is None:
                continue
            verdict = self._judge.settled(likeness, mine, its)
            if verdict in ("equal", "repeat"):
                if more_complete(mine.answer, its.answer):
                    dropped[other] = InFileMatch("duplicate", likeness, row)
                    continue
                dropped[row] = InFileMatch("duplicate", likeness, other)
                return False
            if verdict == "contradict":
                self._contradict(row, other, likeness)
        return row not in dropped

    def _compare_pairs(self, keys: Keys) -> None:
        """Show which of two answers that are meant contradict each other; all of them stay."""
        meant = np.flatnonzero(self.result.meant)
        _, which, counts = np.unique(
            keys["question"][meant], return_inverse=True, return_counts=True
        )
        order = np.argsort(which, kind="stable")
        pairs = meant[order[counts[which][order] == 2]].reshape(-1, 2)
        for earlier, later in pairs.tolist():
            one, other = self._sides[earlier], self._sides[later]
            likeness = self._judge.likeness(one, other)
            if likeness and self._judge.settled(likeness, one, other) == "contradict":
                self._contradict(later, earlier, likeness)

    def _contradict(self, row: int, other: int, likeness: Likeness) -> None:
        self.result.conflicts.append((row, other, likeness))
        if self._policy != "keep":
            self.result.dropped[other] = InFileMatch("conflict", likeness, row)
        if self._policy == "refuse":
            self.result.dropped[row] = InFileMatch("conflict", likeness, other)

    def _forget_conflicts_of_dropped(self) -> None:
        gone = {row for row, match in self.result.dropped.items() if match.kind == "duplicate"}
        self.result.conflicts = [
            pair for pair in self.result.conflicts if not gone & {pair[0], pair[1]}
        ]


def _proposed(keys: Keys, first: I64) -> tuple[I64, Bools]:
    """Return pairs (a * n + b) of the n chosen rows with an equal band, and who was in a crowd."""
    size = len(first)
    lengths = keys["length"][first]
    crowded = np.zeros(size, np.bool_)
    found = [np.zeros(0, np.int64)]
    for band in range(BANDS):
        column = keys["bands_v2"][:, band][first]
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


def _by_cluster(pairs: I64, bands: npt.NDArray[np.uint32]) -> Iterator[tuple[I64, I64]]:
    """Give the pairs (a * n + b) as (a, b), in batches, those of one crowd one after the other.

    The rows of a crowd are then read once for all of its pairs.
    """
    for begin in range(0, len(pairs), PAIRS_AT_ONCE):
        one, other = np.divmod(pairs[begin : begin + PAIRS_AT_ONCE], len(bands))
        crowd = np.zeros(len(one), np.uint64)
        for band, column in enumerate(bands.T):
            of_band = column[one] + np.uint64(band << 32)
            crowd = np.where(column[one] == column[other], of_band, crowd)
        order = np.argsort(crowd, kind="stable")
        yield one[order], other[order]
