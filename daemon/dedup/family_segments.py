"""The families of many jobs, sorted for searching: which are trained, and which are on an exam."""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt

from daemon.dedup.family_keys import known_by, looked_up_by
from daemon.dedup.index import equal
from daemon.folders.queue.family_files import Families, FamilySide

ENTRY = np.dtype([("job", "<u4"), ("row", "<u4"), ("line", "<u4"), ("side", "u1")])
NOWHERE = -1

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class FamilySegment:
    """The families of some jobs, sorted for searching; about 21 bytes a key, mapped on disk."""

    jobs: tuple[str, ...]
    """Each with the moment its families were written: read again, a job is another one."""
    keys: U64
    entries: npt.NDArray[np.void]
    void: frozenset[int] = frozenset()
    """Numbers of jobs that are gone or were read again since: nothing of them is found."""

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The number of each job, by its name without the moment."""
        return {job_of(job): number for number, job in enumerate(self.jobs)}

    @property
    def size(self) -> int:
        """Say how much work it is to sort."""
        return len(self.keys) + len(self.jobs)

    @classmethod
    def build(cls, jobs: Sequence[str], families: Sequence[Families]) -> Self:
        """Sort the families of jobs; of equal keys on one side of a job the first row stays."""
        keys, entries = [np.zeros(0, np.uint64)], [np.zeros(0, ENTRY)]
        for number, rows in enumerate(families):
            rows = rows[rows["side"] != FamilySide.NONE]
            known, places = known_by(rows)
            found = np.zeros(len(known), ENTRY)
            found["job"] = number
            for name in ("row", "line", "side"):
                found[name] = rows[name][places]
            keys.append(known)
            entries.append(found)
        return cls._sorted(jobs, np.concatenate(keys), np.concatenate(entries))

    @classmethod
    def _sorted(cls, jobs: Sequence[str], keys: U64, entries: npt.NDArray[np.void]) -> Self:
        order = np.lexsort((entries["line"], entries["job"], entries["side"], keys))
        keys, entries = keys[order], entries[order]
        if len(keys):
            again = keys[1:] == keys[:-1]
            for name in ("job", "side"):
                again &= entries[name][1:] == entries[name][:-1]
            first = np.concatenate([[True], ~again])
            keys, entries = keys[first], entries[first]
        return cls(tuple(jobs), keys, entries)

    @classmethod
    def joined(cls, segments: Sequence["FamilySegment"]) -> Self:
        """Return one segment with the families of several."""
        jobs = [job for segment in segments for job in segment.jobs]
        begins = np.cumsum([0, *(len(segment.jobs) for segment in segments)])
        entries = [np.zeros(0, ENTRY), *(segment.entries.copy() for segment in segments)]
        for begin, mine in zip(begins, entries[1:], strict=False):
            mine["job"] += np.uint32(begin)
        keys = [np.zeros(0, np.uint64), *(segment.keys for segment in segments)]
        return cls._sorted(jobs, np.concatenate(keys), np.concatenate(entries))

    def voided(self, jobs: Set[str]) -> "FamilySegment":
        """Return the same without some jobs: their families stay where they are, unfound."""
        named = ((job, self.numbers.get(job_of(job))) for job in jobs)
        more = {n for job, n in named if n is not None and self.jobs[n] == job}
        return replace(self, void=self.void | more) if more else self

    def live(self) -> "FamilySegment":
        """Return what is found of it, by itself."""
        if not self.void:
            return self
        kept = np.ones(len(self.jobs), np.bool_)
        kept[list(self.void)] = False
        numbers = (np.cumsum(kept) - 1).astype(np.uint32)
        mine = kept[self.entries["job"]]
        entries = self.entries[mine].copy()
        entries["job"] = numbers[entries["job"]]
        jobs = tuple(job for job, stays in zip(self.jobs, kept.tolist(), strict=True) if stays)
        return FamilySegment(jobs, self.keys[mine], entries)


@dataclass(frozen=True)
class Place:
    """A row of an earlier job."""

    job: str
    row: int
    line: int


@dataclass(frozen=True)
class Standing:
    """What earlier jobs say of the families of some rows; parallel arrays."""

    trained: I64
    """The number of a row of the family that was trained; NOWHERE where there is none."""
    exam: I64
    """The number of a row of the family that is on an exam."""
    withheld: I64
    """The number of a row that was withheld for the sake of an exam."""


class FamilyIndex:
    """The families of many jobs, searched as one."""

    def __init__(self, segments: Sequence[FamilySegment]) -> None:
        self._segments = [segment for segment in segments if len(segment.keys)]
        self._begins = np.cumsum([0, *(len(segment.keys) for segment in self._segments)])

    def beside(self, more: Sequence[FamilySegment]) -> "FamilyIndex":
        """Return the same with some more families."""
        return FamilyIndex([*self._segments, *more])

    def standing(self, families: Families, without: str) -> Standing:
        """Return on which sides the families of rows stand in other jobs than `without`."""
        sides = {
            side: np.full(len(families), NOWHERE, np.int64)
            for side in (FamilySide.TRAINED, FamilySide.EXAM, FamilySide.WITHHELD)
        }
        for rows, numbers, found in self._pairs(families, without):
            for side, places in sides.items():
                mine = found == side
                # The last one written stays, so the first of them is written last.
                places[rows[mine][::-1]] = numbers[mine][::-1]
        return Standing(*sides.values())

    def exam_rows(self, families: Families, without: str) -> list[Place]:
        """Return the exam rows of the families of some rows, in other jobs than `without`."""
        found = {
            int(number)
            for _, numbers, side in self._pairs(families, without)
            for number in numbers[side == FamilySide.EXAM]
        }
        return list(dict.fromkeys(self.place(number) for number in sorted(found)))

    def place(self, number: int) -> Place:
        """Return the row that a number stands for."""
        which = int(np.searchsorted(self._begins, number, side="right")) - 1
        segment = self._segments[which]
        entry = segment.entries[number - self._begins[which]]
        return Place(job_of(segment.jobs[int(entry["job"])]), int(entry["row"]), int(entry["line"]))

    def _pairs(
        self, families: Families, without: str
    ) -> Iterator[tuple[I64, I64, npt.NDArray[np.uint8]]]:
        """Give (place in `families`, number of a row of its family, the side of that row)."""
        keys, places = looked_up_by(families)
        for begin, segment in zip(self._begins, self._segments, strict=False):
            numbers, found = equal(segment.keys, keys)
            unfound = [*segment.void, segment.numbers.get(without, -1)]
            other = ~np.isin(segment.entries["job"][found], unfound)
            numbers, found = numbers[other], found[other]
            yield places[numbers], begin + found, segment.entries["side"][found]


def job_of(job: str) -> str:
    """Return a job's name without the moment its families were written."""
    return job.rpartition("@")[0]
