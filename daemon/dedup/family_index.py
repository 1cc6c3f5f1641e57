"""Opens the families of all jobs as one index; makes and caches those of older jobs once."""

from collections.abc import Iterator, Sequence

from daemon.dedup.family_making import Progress, make_families
from daemon.dedup.family_segments import ENTRY, FamilyIndex, FamilySegment
from daemon.folders.queue import family_files, reports
from daemon.folders.queue.family_files import Families
from daemon.folders.queue.seen import SeenFolder
from daemon.layout import Layout
from daemon.layout_jobs import JobLayout

LOOSE_JOBS = 32
LOOSE_KEYS = 60_000
"""More jobs or keys than this outside a merged segment are merged, so that opening stays quick."""
PART_ROWS = 20_000
"""Families that were made from so many rows are written before more are made."""

ACCEPTED = ("accepted", "nothing_new")


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
    left = {job: layout.job(*where) for job, where in wanted.items() if job not in known}
    made = _Made(left, folder, merge, progress)
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
        left: dict[str, JobLayout],
        folder: SeenFolder,
        keep: bool,
        progress: Progress,
    ) -> None:
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
        for job, place in self._left.items():
            rows, from_rows = self._of(place)
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


def _accepted(layout: Layout, cached: set[str]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Give the jobs that intake has accepted, each with the moment its families were written, and
    its state and name.

    Those that are cached are known to be; of thousands no report needs to be read again.
    """
    for state, name, moment, has_families in family_files.moments(layout):
        job = f"{name}@{moment:x}"
        if has_families or job in cached or _is_accepted(layout.job(state, name)):
            yield job, (state, name)


def _is_accepted(place: JobLayout) -> bool:
    report = reports.read(place)
    return report is not None and report.get("verdict") in ACCEPTED


def _cached(folder: SeenFolder) -> Iterator[FamilySegment]:
    """Give the segments of the cache; those of another version are removed."""
    for jobs, arrays in folder.segments():
        if set(arrays) == {"keys", "entries"} and arrays["entries"].dtype == ENTRY:
            yield FamilySegment(jobs, arrays["keys"], arrays["entries"])
        else:
            folder.remove(jobs)
