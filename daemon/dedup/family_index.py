"""Finds the families that earlier jobs hold, and on which side each is: training, or an exam."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from daemon.core.examples import from_record
from daemon.core.fingerprint import key_of
from daemon.dedup import wording
from daemon.dedup.family_keys import FamilyColumns, known_by, looked_up_by
from daemon.dedup.index import equal
from daemon.folders import family_files, fingerprints, reports
from daemon.folders.family_files import FAMILY, Families, Side
from daemon.folders.fingerprints import Keys
from daemon.folders.seen import SeenFolder
from daemon.layout import Layout
from daemon.layout_jobs import JobLayout

LOOSE_JOBS = 32
LOOSE_KEYS = 60_000
"""More jobs or keys than this outside a merged segment are merged, so that opening stays quick."""
PART_ROWS = 20_000
"""Families that were made from so many rows are written before more are made."""

ENTRY = np.dtype([("job", "<u4"), ("row", "<u4"), ("line", "<u4"), ("side", "u1")])
NOWHERE = -1
ACCEPTED = ("accepted", "nothing_new")

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Progress = Callable[[int], None]
"""Is called with the rows of jobs without families that were read so far."""


@dataclass(frozen=True)
class FamilySegment:
    """The families of some jobs, sorted for searching; about 21 bytes a key, mapped on disk."""

    jobs: tuple[str, ...]
    """Each with the moment its families were written: read again, a job is another one."""
    keys: U64
    entries: npt.NDArray[np.void]

    @classmethod
    def build(cls, jobs: Sequence[str], families: Sequence[Families]) -> Self:
        """Sort the families of jobs; of equal keys on one side of a job the first row stays."""
        keys, entries = [np.zeros(0, np.uint64)], [np.zeros(0, ENTRY)]
        for number, rows in enumerate(families):
            rows = rows[rows["side"] != Side.NONE]
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

    def only(self, wanted: set[str]) -> "FamilySegment":
        """Return the part that is about some jobs."""
        kept = np.array([job in wanted for job in self.jobs], np.bool_)
        numbers = (np.cumsum(kept) - 1).astype(np.uint32)
        mine = kept[self.entries["job"]] if len(self.entries) else np.zeros(0, np.bool_)
        entries = self.entries[mine].copy()
        entries["job"] = numbers[entries["job"]]
        return FamilySegment(
            tuple(job for job in self.jobs if job in wanted), self.keys[mine], entries
        )


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

    def standing(self, families: Families, without: str) -> Standing:
        """Return on which sides the families of rows stand in other jobs than `without`."""
        sides = {
            side: np.full(len(families), NOWHERE, np.int64)
            for side in (Side.TRAINED, Side.EXAM, Side.WITHHELD)
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
            for number in numbers[side == Side.EXAM]
        }
        return list(dict.fromkeys(self.place(number) for number in sorted(found)))

    def place(self, number: int) -> Place:
        """Return the row that a number stands for."""
        which = int(np.searchsorted(self._begins, number, side="right")) - 1
        segment = self._segments[which]
        entry = segment.entries[number - self._begins[which]]
        return Place(_name(segment.jobs[int(entry["job"])]), int(entry["row"]), int(entry["line"]))

    def _pairs(
        self, families: Families, without: str
    ) -> Iterator[tuple[I64, I64, npt.NDArray[np.uint8]]]:
        """Give (place in `families`, number of a row of its family, the side of that row)."""
        keys, places = looked_up_by(families)
        for begin, segment in zip(self._begins, self._segments, strict=False):
            mine = np.array([_name(job) == without for job in segment.jobs], np.bool_)
            asked, found = equal(segment.keys, keys)
            other = ~mine[segment.entries["job"][found]]
            asked, found = asked[other], found[other]
            yield places[asked], begin + found, segment.entries["side"][found]


def open_index(
    layout: Layout,
    merge: bool,
    progress: Progress = lambda rows: None,
    more: Sequence[FamilySegment] = (),
) -> FamilyIndex:
    """Return the families of all jobs that intake has accepted, wherever they lie now.

    `merge` is for the one process that writes the cache. Jobs of before there were families have
    theirs made from their rows, which takes about 25 s for a million of them; each part is kept as
    soon as it is made. What was pruned before is found by its equal rows only.
    """
    folder = SeenFolder(layout.seen, "families")
    cached = list(_cached(folder))
    wanted = dict(_accepted(layout, {job for segment in cached for job in segment.jobs}))
    chosen: list[FamilySegment] = []
    stale: list[FamilySegment] = []
    for segment in cached:
        (chosen if wanted.keys() >= set(segment.jobs) else stale).append(segment)
    parts = [segment.only(set(wanted)) for segment in stale]
    known = {job for segment in (*chosen, *parts) for job in segment.jobs}
    made = _Made(wanted, [job for job in wanted if job not in known], folder, merge, progress)
    loose = [*parts, *made.segments()]
    if merge and (made.rows or stale or _are_many(loose)):
        chosen, loose = _merged(folder, chosen, loose, stale)
    return FamilyIndex([*chosen, *loose, *more])


def _are_many(loose: Sequence[FamilySegment]) -> bool:
    jobs = sum(len(segment.jobs) for segment in loose)
    return jobs > LOOSE_JOBS or sum(len(segment.keys) for segment in loose) > LOOSE_KEYS


def _merged(
    folder: SeenFolder,
    chosen: list[FamilySegment],
    loose: list[FamilySegment],
    stale: list[FamilySegment],
) -> tuple[list[FamilySegment], list[FamilySegment]]:
    """Merge loose jobs with every segment that is not much larger: few segments remain."""
    keys = sum(len(segment.keys) for segment in loose)
    taken = [segment for segment in chosen if len(segment.keys) <= 2 * keys]
    merged = FamilySegment.joined([*taken, *loose])
    folder.write(merged.jobs, {"keys": merged.keys, "entries": merged.entries})
    for segment in (*taken, *loose, *stale):
        if segment.jobs != merged.jobs:
            folder.remove(segment.jobs)
    return [*(segment for segment in chosen if segment not in taken), merged], []


class _Made:
    """Families that are in no cached segment: read, or made from the rows of older jobs."""

    def __init__(
        self,
        places: dict[str, JobLayout],
        left: Sequence[str],
        folder: SeenFolder,
        keep: bool,
        progress: Progress,
    ) -> None:
        self._places = places
        self._left = left
        self._folder = folder
        self._keep = keep
        self._progress = progress
        self.rows = 0
        """So many were made from the rows of older jobs."""

    def segments(self) -> Iterator[FamilySegment]:
        """Give the segments; what took long to make is written as soon as it is a part."""
        jobs: list[str] = []
        families: list[Families] = []
        made = 0
        for job in self._left:
            rows, from_rows = self._of(self._places[job])
            jobs.append(job)
            families.append(rows)
            made += len(rows) if from_rows else 0
            if made > PART_ROWS:
                yield self._kept(jobs, families)
                jobs, families, made = [], [], 0
        yield FamilySegment.build(jobs, families)

    def _kept(self, jobs: list[str], families: list[Families]) -> FamilySegment:
        segment = FamilySegment.build(jobs, families)
        if self._keep:
            self._folder.write(segment.jobs, {"keys": segment.keys, "entries": segment.entries})
        return segment

    def _of(self, place: JobLayout) -> tuple[Families, bool]:
        known = family_files.read_or_none(place.families)
        if known is not None:
            return known, False
        made = make_families(place, lambda rows: self._progress(self.rows + rows))
        self.rows += len(made)
        return made, True


def families_of(place: JobLayout) -> Families:
    """Return the families of a job's rows, made from them where none are written."""
    known = family_files.read_or_none(place.families)
    return make_families(place) if known is None else known


def families_by_keys(place: JobLayout, keys: Keys) -> Families:
    """Return the families of a job's training rows, one for each of their keys.

    Where none are written, a whole question stands for the first one: no row is read.
    """
    known = family_files.read_or_none(place.families)
    if known is None:
        return _of_keys(keys, keys["content"])
    known = known[known["side"] == Side.TRAINED]
    known = known[np.argsort(known["line"], kind="stable")]
    at = np.searchsorted(known["line"], keys["line"])
    at = np.minimum(at, max(0, len(known) - 1))
    if not len(known) or (known["line"][at] != keys["line"]).any():
        return _of_keys(keys, keys["content"])
    found: Families = known[at]
    return found


def make_families(place: JobLayout, progress: Progress = lambda rows: None) -> Families:
    """Make the families of a job from its rows; of rows that were pruned from their exact keys."""
    words = wording.Words()
    columns = FamilyColumns()
    about: list[tuple[int, int, int]] = []
    for path, side in ((place.train, Side.TRAINED), (place.holdout, Side.EXAM)):
        if not path.exists():
            continue
        with path.open("rb") as file:
            for number, line in enumerate(file):
                record = json.loads(line)
                example = from_record(record)
                columns.add(example, key_of(example), words)
                about.append((record["row"], record["line"], side))
                if number % 1000 == 0:
                    progress(len(about))
    families = columns.families()
    if about:
        families["row"], families["line"], families["side"] = map(list, zip(*about, strict=True))
    return families if place.train.exists() else np.concatenate([_pruned(place), families])


def _pruned(place: JobLayout) -> Families:
    try:
        keys = fingerprints.read(place.train_fingerprints)
    except (OSError, ValueError):
        keys = np.zeros(0, fingerprints.KEY)
    return _of_keys(keys, np.zeros(len(keys), np.uint64))


def _of_keys(keys: Keys, question: U64) -> Families:
    families = np.zeros(len(keys), FAMILY)
    families["row"], families["line"], families["exact"] = keys["row"], keys["line"], keys["hi"]
    families["question"], families["side"] = question, Side.TRAINED
    return families


def _accepted(layout: Layout, cached: set[str]) -> Iterator[tuple[str, JobLayout]]:
    """Give the jobs that intake has accepted, each with the moment its families were written.

    Those that are cached are known to be; of thousands no report needs to be read again.
    """
    for place in family_files.jobs_on_disk(layout):
        written = _moment(place.families)
        if written is not None:
            yield f"{place.folder.name}@{written:x}", place
        elif (read := _moment(place.report)) is not None:
            job = f"{place.folder.name}@{read:x}"
            if job in cached or _is_accepted(place):
                yield job, place


def _is_accepted(place: JobLayout) -> bool:
    report = reports.read(place)
    return report is not None and report.get("verdict") in ACCEPTED


def _name(job: str) -> str:
    return job.rpartition("@")[0]


def _moment(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None


def _cached(folder: SeenFolder) -> Iterator[FamilySegment]:
    """Give the segments of the cache; those of another version are removed."""
    for jobs, arrays in folder.segments():
        if set(arrays) == {"keys", "entries"} and arrays["entries"].dtype == ENTRY:
            yield FamilySegment(jobs, arrays["keys"], arrays["entries"])
        else:
            folder.remove(jobs)
