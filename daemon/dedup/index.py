"""Finds earlier rows by key, by content and by bands in sorted arrays; proposes, never decides."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from daemon.core.workspace.untrained import Untrained
from daemon.dedup.likeness import lengths_fit
from daemon.dedup.segments import Segment
from daemon.folders.queue.fingerprints import BANDS, Keys

CROWD = 256
"""Earlier rows of one band key that are looked at; more are a crowd that says nothing."""

ALL_TRAINED: Mapping[str, Untrained] = {}

I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Earlier:
    """One earlier row."""

    job: str
    row: int
    line: int
    offset: int
    """Of its record in the job's file."""
    question: int
    content: int
    answer: int


class Index:
    """Several segments searched as one."""

    def __init__(
        self, segments: Iterable[Segment], untrained: Mapping[str, Untrained] = ALL_TRAINED
    ) -> None:
        """Rows that are `untrained` are there in the segments, and are not found."""
        self._untrained = untrained
        self._segments = [segment for segment in segments if segment.rows]
        self.crowded: set[int] = set()
        """Places of the last `near` that met a crowd and were compared with a part of it only."""

    def __bool__(self) -> bool:
        return bool(self._segments)

    def exact(self, keys: Keys, without: str = "") -> dict[int, Earlier]:
        """Return for places in `keys` the earlier row that is equal in everything."""
        found: dict[int, Earlier] = {}
        for segment in self._segments:
            numbers, places = equal(segment.hi, np.ascontiguousarray(keys["hi"]))
            same = segment.entries["lo"][places] == keys["lo"][numbers]
            for query, place in zip(numbers[same].tolist(), places[same].tolist(), strict=True):
                earlier = _earlier(segment, place)
                if self._counts(earlier, without):
                    found.setdefault(query, earlier)
        return found

    def asking(self, rows: Sequence["Earlier"]) -> list[list["Earlier"]]:
        """Return for each of some rows all that ask just the same, itself among them."""
        contents = np.array([row.content for row in rows], np.uint64)
        found: list[list[Earlier]] = [[] for _ in rows]
        for segment in self._segments:
            numbers, places = equal(segment.content, contents, CROWD + 1)
            for number, place in zip(numbers.tolist(), places.tolist(), strict=True):
                earlier = _earlier(segment, int(segment.content_at[place]))
                if earlier.question == rows[number].question and self._counts(earlier, ""):
                    found[number].append(earlier)
        return found

    def with_same_question(self, keys: Keys, job: str) -> list["Earlier"]:
        """Return of a job's keys the rows whose question other jobs may have too."""
        places: set[int] = set()
        for segment in self._segments:
            numbers, found = equal(
                segment.content, np.ascontiguousarray(keys["content"]), CROWD + 1
            )
            others = np.array([name != job for name in segment.jobs], np.bool_)
            other = others[segment.entries["job"][segment.content_at[found]]]
            places |= set(numbers[other].tolist())
        return [earlier_of(job, keys[place]) for place in sorted(places)]

    def near(self, keys: Keys, without: str = "") -> dict[int, list[Earlier]]:
        """Return for places in `keys` rows that may ask the same, those of equal content first."""
        found: dict[int, list[Earlier]] = {}
        self.crowded = set()
        for segment in self._segments:
            for query, place in self._proposed(segment, keys):
                earlier = _earlier(segment, place)
                if self._counts(earlier, without):
                    found.setdefault(query, []).append(earlier)
        for query, several in found.items():
            content = int(keys["content"][query])
            several.sort(key=lambda one: (one.content != content, one.job, one.line))
        return found

    def _counts(self, earlier: Earlier, without: str) -> bool:
        rows = self._untrained.get(earlier.job)
        known = rows is None or not rows.has(earlier.row, earlier.line)
        return known and earlier.job != without

    def _proposed(self, segment: Segment, keys: Keys) -> list[tuple[int, int]]:
        columns = [(keys["content"], segment.content, segment.content_at)]
        for band in range(BANDS):
            columns.append((keys["bands_v2"][:, band], segment.bands[band], segment.bands_at[band]))
        found: list[tuple[I64, I64]] = []
        for queries, ordered, at in columns:
            numbers, places = equal(ordered, np.ascontiguousarray(queries), CROWD + 1)
            self.crowded |= set(np.flatnonzero(np.bincount(numbers) > CROWD).tolist())
            places = at[places].astype(np.int64)
            fit = lengths_fit(keys["length"][numbers], segment.entries["length"][places])
            found.append((numbers[fit], places[fit]))
        numbers = np.concatenate([pair[0] for pair in found])
        places = np.concatenate([pair[1] for pair in found])
        both = np.unique(numbers * np.int64(segment.rows) + places)
        return list(
            zip((both // segment.rows).tolist(), (both % segment.rows).tolist(), strict=True)
        )


def _earlier(segment: Segment, place: int) -> Earlier:
    entry = segment.entries[place]
    return earlier_of(segment.jobs[int(entry["job"])], entry)


def earlier_of(job: str, entry: np.void) -> Earlier:
    """Return the row of a job that a key is of."""
    return Earlier(
        job=job,
        row=int(entry["row"]),
        line=int(entry["line"]),
        offset=int(entry["offset"]),
        question=int(entry["question"]),
        content=int(entry["content"]),
        answer=int(entry["answer"]),
    )


def equal(
    ordered: npt.NDArray[np.unsignedinteger],
    queries: npt.NDArray[np.unsignedinteger],
    most: int = 0,
) -> tuple[I64, I64]:
    """Return (place of the query, place in `ordered`) of equal values; `most` of each, or all."""
    # Sorted queries walk through a mapped array from its start to its end.
    order = np.argsort(queries, kind="stable")
    wanted = queries[order]
    left = np.searchsorted(ordered, wanted)
    hit = np.flatnonzero(ordered[np.minimum(left, len(ordered) - 1)] == wanted)
    left = left[hit]
    counts = np.searchsorted(ordered, wanted[hit], side="right") - left
    if most:
        counts = np.minimum(counts, most)
    starts = np.cumsum(counts) - counts
    places = np.arange(counts.sum()) - np.repeat(starts, counts) + np.repeat(left, counts)
    return np.repeat(order[hit], counts), places


def choose_segments(
    cached: Sequence[Segment], wanted: Sequence[str]
) -> tuple[list[Segment], list[str]]:
    """Return cached segments that hold wanted jobs only, each job once, and the jobs left over."""
    missing = dict.fromkeys(wanted)
    chosen: list[Segment] = []
    for segment in sorted(cached, key=lambda one: -len(one.jobs)):
        if all(job in missing for job in segment.jobs):
            chosen.append(segment)
            for job in segment.jobs:
                del missing[job]
    return chosen, list(missing)
