"""Opens the families of all jobs as one index; makes and caches those of older jobs once."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

import numpy as np

from daemon.clock import Clock
from daemon.dedup.family_making import Progress, make_families
from daemon.dedup.family_segments import ENTRY, FamilyIndex, FamilySegment, job_of
from daemon.folders.queue import family_files, reports
from daemon.folders.queue.family_files import FAMILY, Families
from daemon.folders.queue.queue import find_job
from daemon.folders.queue.read_jobs import ReadJob, ReadJobs
from daemon.folders.queue.seen import DAMAGED, SeenFolder
from daemon.layout import Layout
from daemon.layout_jobs import JobLayout

LOOSE_JOBS = 32
LOOSE_KEYS = 60_000
"""More jobs or keys than this outside a merged segment are merged, so that opening stays quick."""
PART_ROWS = 20_000
"""Families that were made from so many rows are written before more are made."""
TRUST_S = 60.0
"""After so long each job is looked at again, in case its directory was replaced by hand."""

ACCEPTED = ("accepted", "nothing_new")


def open_index(
    layout: Layout,
    merge: bool,
    progress: Progress = lambda rows: None,
    more: Sequence[FamilySegment] = (),
) -> FamilyIndex:
    """Return the families of all jobs once, as `JobFamilies` has them, and some more."""
    return JobFamilies(layout, merge).index(progress).beside(more)


class JobFamilies:
    """The families of all jobs that intake has accepted, wherever they lie now.

    A segment of the cache names each job with the moment its families were written. That is
    compared with the disk once, as the cache is opened: from then on only jobs that are new, have
    moved or were written are looked at, so that a file costs the same among thousands.
    """

    def __init__(self, layout: Layout, merge: bool, clock: Clock | None = None) -> None:
        """`merge` is for the one process that writes the cache; a clock, for one that stays."""
        self._layout = layout
        self._folder = SeenFolder(layout.seen, "families")
        self._merge = merge
        self._clock = clock
        self.written_count = 0
        """So many jobs were written since: an index of before that is an old one."""
        self._forget()

    def _forget(self) -> None:
        self._jobs = ReadJobs(self._layout)
        self._keys: dict[str, str] = {}
        self._cached: list[FamilySegment] | None = None
        self._loose: list[FamilySegment] = []
        self._opened_s = self._now_s()

    def _now_s(self) -> float:
        return self._clock.monotonic_s() if self._clock is not None else 0.0

    def written(self, job: str) -> None:
        """Read a job again next time: its families were written, or removed, by this process."""
        self._jobs.written(job)
        self.written_count += 1

    def index(self, progress: Progress = lambda rows: None) -> FamilyIndex:
        """Return the families of all jobs as they are now.

        Jobs of before there were families have theirs made from their rows, which takes about 25 s
        for a million of them; each part is kept as soon as it is made. What was pruned before is
        found by its equal rows only.
        """
        try:
            if self._now_s() - self._opened_s > TRUST_S:
                self._forget()
            self._catch_up(progress)
        except BaseException:
            # Jobs that were looked at and not read would be missing for ever.
            self._forget()
            raise
        return FamilyIndex([*(self._cached or ()), *self._loose])

    def _catch_up(self, progress: Progress) -> None:
        left, gone = self._changes()
        cached = self._cached
        if cached is None:
            cached, left = self._open(left)
        cached = [segment.voided(gone) for segment in cached]
        made = _Made(self._layout, left, self._folder, self._merge, progress)
        loose = [*(segment.voided(gone) for segment in self._loose), *made.segments()]
        many = _are_many(loose) or any(map(_is_mostly_void, cached))
        if self._merge and (made.rows or many):
            cached, loose = self._merged(cached, loose)
        self._cached, self._loose = cached, _joined(loose)

    def _changes(self) -> tuple[dict[str, ReadJob], set[str]]:
        """Return the jobs that were read since, by name with moment, and those that are no more."""
        left: dict[str, ReadJob] = {}
        gone: set[str] = set()
        for job, read in self._jobs.changed().items():
            known = self._keys.pop(job, None)
            key = None
            if read is not None:
                key = self._keys[job] = f"{job}@{read.moment_ns:x}"
                if key != known:
                    left[key] = read
            if known is not None and key != known:
                gone.add(known)
        return left, gone

    def _open(self, read: Mapping[str, ReadJob]) -> tuple[list[FamilySegment], dict[str, ReadJob]]:
        """Return the cached segments, each job in one of them only, and the jobs in none."""
        found: list[FamilySegment] = []
        left = dict(read)
        for segment in sorted(_segments(self._folder), key=lambda one: -len(one.jobs)):
            live = segment.voided({job for job in segment.jobs if job not in left})
            if len(live.void) < len(live.jobs):
                found.append(live)
            elif self._merge:
                self._folder.remove(segment.jobs)
            for job in segment.jobs:
                left.pop(job, None)
        return found, left

    def _merged(
        self, cached: list[FamilySegment], loose: list[FamilySegment]
    ) -> tuple[list[FamilySegment], list[FamilySegment]]:
        """Merge loose jobs with every segment that is not much larger: few segments remain."""
        size = sum(segment.size for segment in loose)
        taken = [one for one in cached if one.size <= 2 * size or _is_mostly_void(one)]
        merged = FamilySegment.joined([segment.live() for segment in (*taken, *loose)])
        if merged.jobs:
            merged = _write(self._folder, merged)
        for segment in (*taken, *loose):
            if segment.jobs != merged.jobs:
                self._folder.remove(segment.jobs)
        return [*(one for one in cached if one not in taken), merged], []


def _are_many(loose: Sequence[FamilySegment]) -> bool:
    jobs = sum(len(segment.jobs) for segment in loose)
    return jobs > LOOSE_JOBS or sum(len(segment.keys) for segment in loose) > LOOSE_KEYS


def _joined(loose: Sequence[FamilySegment]) -> list[FamilySegment]:
    """Join each with those before it that are not much larger: few are searched."""
    found: list[FamilySegment] = []
    for segment in loose:
        while found and found[-1].size <= 2 * segment.size:
            segment = FamilySegment.joined([found.pop().live(), segment.live()])
        found.append(segment)
    return found


def _is_mostly_void(segment: FamilySegment) -> bool:
    return 2 * len(segment.void) > len(segment.jobs)


class _Made:
    """Families that are in no cached segment: read, or made from the rows of older jobs."""

    def __init__(
        self,
        layout: Layout,
        left: Mapping[str, ReadJob],
        folder: SeenFolder,
        keep: bool,
        progress: Progress,
    ) -> None:
        self._layout = layout
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
        for job, read in self._left.items():
            rows, from_rows = self._of(job_of(job), read.state)
            jobs.append(job)
            families.append(rows)
            made += len(rows) if from_rows else 0
            if made > PART_ROWS:
                yield self._kept(jobs, families)
                jobs, families, made = [], [], 0
        if jobs:
            yield FamilySegment.build(jobs, families)

    def _kept(self, jobs: list[str], families: list[Families]) -> FamilySegment:
        segment = FamilySegment.build(jobs, families)
        if self._keep:
            _write(self._folder, segment)
        return segment

    def _of(self, job: str, state: str) -> tuple[Families, bool]:
        """Return the families of a job, and whether they were made; it may move meanwhile."""
        place: JobLayout | None = self._layout.job(state, job)
        while place is not None:
            with suppress(FileNotFoundError):
                found = self._read(place)
                if place.folder.is_dir():
                    return found
            place = find_job(self._layout, job)
        return np.zeros(0, FAMILY), False

    def _read(self, place: JobLayout) -> tuple[Families, bool]:
        known = family_files.read_or_none(place.families)
        if known is not None:
            return known, False
        if not place.families.exists() and not _is_accepted(place):
            return np.zeros(0, FAMILY), False
        made = make_families(place, lambda rows: self._progress(self.rows + rows))
        self.rows += len(made)
        return made, True


def _is_accepted(place: JobLayout) -> bool:
    report = reports.read(place)
    return report is not None and report.verdict in ACCEPTED


def _segments(folder: SeenFolder) -> Iterator[FamilySegment]:
    """Give the segments of the cache; those of another version are removed."""
    for jobs, arrays in folder.segments():
        if set(arrays) == {"keys", "entries"} and arrays["entries"].dtype == ENTRY:
            yield FamilySegment(jobs, arrays["keys"], arrays["entries"])
        else:
            folder.remove(jobs)


def _write(folder: SeenFolder, segment: FamilySegment) -> FamilySegment:
    """Put a segment into the cache, and return it as it lies there: mapped, not in memory."""
    folder.write(segment.jobs, {"keys": segment.keys, "entries": segment.entries})
    try:
        arrays = folder.read(segment.jobs)
    except DAMAGED:
        return segment
    return FamilySegment(segment.jobs, arrays["keys"], arrays["entries"])
