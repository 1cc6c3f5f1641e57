"""Opens the keys of other jobs as one index and merges its segments as they grow."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from daemon.core.rows.examples import Example, RowForm, from_record
from daemon.core.rows.holdout import Half
from daemon.core.workspace.untrained import Untrained
from daemon.dedup.index import ALL_TRAINED, Earlier, Index, choose_segments
from daemon.dedup.sealing import Sealer, exact_only, question_of
from daemon.dedup.segments import Segment, cached
from daemon.folders.queue import fingerprints
from daemon.folders.queue.fingerprints import Keys
from daemon.folders.queue.queue import find_job
from daemon.folders.queue.seen import Kind, SeenFolder
from daemon.layout import Layout
from daemon.layout_jobs import JobLayout

LOOSE_JOBS = 32
LOOSE_ROWS = 20_000
"""More jobs or rows than this outside a merged segment are merged, so that opening stays quick."""


class Seen:
    """The rows of some jobs: trained ones, or held-out ones."""

    def __init__(
        self,
        layout: Layout,
        kind: Kind,
        jobs: Sequence[str],
        untrained: Mapping[str, Untrained] = ALL_TRAINED,
    ) -> None:
        """Rows of trained jobs that are `untrained` do not count as seen."""
        self._untrained = untrained
        self._layout = layout
        self._kind = kind
        self._folder = SeenFolder(layout.seen, kind)
        self._jobs = jobs

    def open(self, merge: bool) -> Index:
        """Return an index of all rows; `merge` is for the one process that writes the cache.

        A job that was removed by hand is no longer known, unless a merged segment remembers it.
        """
        known = list(cached(self._folder))
        chosen, left = choose_segments(known, self._jobs)
        loose = self._build(left)
        if merge and (len(loose.jobs) > LOOSE_JOBS or loose.rows > LOOSE_ROWS):
            chosen, loose = self._merge(chosen, loose)
        return Index([*chosen, loose], self._untrained)

    def example(self, earlier: Earlier) -> Example | None:
        """Read an earlier row; None if its job is gone or was pruned."""
        place = find_job(self._layout, earlier.job)
        if place is None:
            return None
        return read_row(self._rows_file(place), earlier.offset)

    def half(self, earlier: Earlier) -> Half:
        """Return which half of an exam a held-out row is in."""
        place = find_job(self._layout, earlier.job)
        record = None if place is None else read_record(self._rows_file(place), earlier.offset)
        return "tune" if record is not None and record.get("half") == "tune" else "judge"

    def _rows_file(self, place: JobLayout) -> Path:
        return place.train if self._kind == "train" else place.holdout

    def _build(self, jobs: Sequence[str]) -> Segment:
        found: list[tuple[str, Keys]] = []
        for job in jobs:
            place = find_job(self._layout, job)
            if place is not None:
                found.append((job, keys_of(place, self._kind)))
        return Segment.build([job for job, _ in found], [keys for _, keys in found])

    def _merge(self, chosen: list[Segment], loose: Segment) -> tuple[list[Segment], Segment]:
        """Merge the loose jobs with every segment that is not much larger: few segments remain."""
        taken = [segment for segment in chosen if segment.rows <= 2 * loose.rows]
        jobs = [*(job for segment in taken for job in segment.jobs), *loose.jobs]
        merged = self._build(jobs)
        merged.write(self._folder)
        for segment in taken:
            self._folder.remove(segment.jobs)
        rest = [segment for segment in chosen if segment not in taken]
        return [*rest, merged], Segment.build([], [])


def read_row(path: Path, offset: int) -> Example | None:
    """Return the example of a record by where it stands; None if it cannot be read."""
    record = read_record(path, offset)
    try:
        return None if record is None else from_record(record)
    except KeyError:
        return None


def read_record(path: Path, offset: int) -> RowForm | None:
    """Return a record by where it stands; None if it cannot be read."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            record: RowForm = json.loads(file.readline())
            return record
    except (OSError, ValueError):
        return None


def keys_of(place: JobLayout, kind: Kind) -> Keys:
    """Return a job's keys; made again from its rows where they are of another version."""
    path = place.train_fingerprints if kind == "train" else place.holdout_fingerprints
    rows = place.train if kind == "train" else place.holdout
    try:
        return fingerprints.read(path)
    except (OSError, ValueError):
        return remake(rows) if rows.exists() else _of_pruned(path)


def _of_pruned(path: Path) -> Keys:
    """Return the keys of rows that are gone: of another version, they know equal rows only."""
    try:
        return fingerprints.read_exact(path)
    except (OSError, ValueError):
        return np.zeros(0, fingerprints.KEY)


def remake(rows: Path) -> Keys:
    """Make the keys of a `train.jsonl` or `holdout.jsonl` anew."""
    sealer = Sealer()
    examples: list[Example] = []
    about: list[tuple[int, int, int]] = []
    offset = 0
    if rows.exists():
        with rows.open("rb") as file:
            for line in file:
                record = json.loads(line)
                examples.append(from_record(record))
                about.append((offset, record["row"], record["line"]))
                offset += len(line)
    keys = sealer.keys([question_of(example) for example in examples])
    exact_only(keys, np.array([example.by_row for example in examples], np.bool_))
    if about:
        keys["offset"], keys["row"], keys["line"] = (
            list(column) for column in zip(*about, strict=True)
        )
    return keys
