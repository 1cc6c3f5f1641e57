"""The keys of some jobs, sorted for binary search."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from daemon.folders.queue.fingerprints import BANDS, KEY, Keys
from daemon.folders.queue.seen import SeenFolder

ENTRY = np.dtype(
    [
        ("hi", "<u8"),
        ("lo", "<u8"),
        ("question", "<u8"),
        ("content", "<u8"),
        ("answer", "<u8"),
        ("offset", "<u8"),
        ("row", "<u4"),
        ("line", "<u4"),
        ("length", "<u4"),
        ("job", "<u4"),
    ]
)
ARRAYS = ("entries", "hi", "content", "content_at", "bands", "bands_at")


@dataclass(frozen=True)
class Segment:
    """The keys of some jobs; memory of about 210 bytes a row, mapped where it lies on disk."""

    jobs: tuple[str, ...]
    entries: npt.NDArray[np.void]
    """Sorted by `hi`."""
    hi: npt.NDArray[np.uint64]
    content: npt.NDArray[np.uint64]
    """Sorted; `content_at` says which entry each is of."""
    content_at: npt.NDArray[np.uint32]
    bands: npt.NDArray[np.uint32]
    """Shape (BANDS, n), each sorted; `bands_at` says which entry each is of."""
    bands_at: npt.NDArray[np.uint32]

    @classmethod
    def build(cls, jobs: Sequence[str], keys: Sequence[Keys]) -> Self:
        """Sort the keys of jobs."""
        joined = np.concatenate([*keys, np.zeros(0, KEY)])
        order = np.argsort(joined["hi"], kind="stable")
        entries = np.empty(len(joined), ENTRY)
        for name in ENTRY.names or ():
            if name != "job":
                entries[name] = joined[name][order]
        number = np.repeat(np.arange(len(jobs), dtype=np.uint32), [len(k) for k in keys])
        entries["job"] = number[order]
        content_at = np.argsort(entries["content"], kind="stable").astype(np.uint32)
        bands = np.empty((BANDS, len(joined)), np.uint32)
        bands_at = np.empty((BANDS, len(joined)), np.uint32)
        for band in range(BANDS):
            column = joined["bands_v2"][:, band][order]
            bands_at[band] = np.argsort(column, kind="stable")
            bands[band] = column[bands_at[band]]
        return cls(
            tuple(jobs),
            entries,
            np.ascontiguousarray(entries["hi"]),
            np.ascontiguousarray(entries["content"][content_at]),
            content_at,
            bands,
            bands_at,
        )

    @property
    def rows(self) -> int:
        return len(self.entries)

    def write(self, folder: SeenFolder) -> None:
        """Put the segment into the cache."""
        folder.write(self.jobs, {name: getattr(self, name) for name in ARRAYS})


def cached(folder: SeenFolder) -> Iterator[Segment]:
    """Give the segments of the cache; those of another version are removed."""
    for jobs, arrays in folder.segments():
        if set(arrays) == set(ARRAYS) and arrays["entries"].dtype == ENTRY:
            yield Segment(jobs=jobs, **arrays)
        else:
            folder.remove(jobs)
