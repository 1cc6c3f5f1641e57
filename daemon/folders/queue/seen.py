"""`queue/.seen/`: arrays about many jobs, merged for searching; a cache that may be deleted.

The arrays are memory-mapped and never read whole; `dedup` gives them their meaning.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from daemon.folders.disk import atomic

Kind = Literal["train", "holdout"]
Cached = Literal["train", "holdout", "families"]
Arrays = Mapping[str, npt.NDArray[Any]]
DAMAGED = (OSError, ValueError, KeyError, TypeError)
"""Errors that reading a damaged segment may raise."""


class SeenFolder:
    """The segments of one kind."""

    def __init__(self, folder: Path, kind: Cached) -> None:
        self._folder = folder
        self._kind = kind

    def segments(self) -> Iterator[tuple[tuple[str, ...], Arrays]]:
        """Yield (jobs, arrays) of each; unreadable ones are removed, as it is only a cache."""
        if not self._folder.is_dir():
            return
        for path in sorted(self._folder.glob(f"{self._kind}-*")):
            try:
                yield _open(path)
            except DAMAGED:
                atomic.remove_directory(path)

    def write(self, jobs: Sequence[str], arrays: Arrays) -> None:
        """Write a segment atomically."""
        atomic.make_directory(self._folder)
        atomic.purge_leftovers(self._folder)
        path = self._path(jobs)
        if path.exists():
            return
        with atomic.building_directory(path) as building:
            for name, array in arrays.items():
                np.save(building / f"{name}.npy", array, allow_pickle=False)
            about = {
                "jobs": list(jobs),
                "arrays": {name: [str(a.dtype.descr), list(a.shape)] for name, a in arrays.items()},
            }
            atomic.write_json(building / "segment.json", about)

    def read(self, jobs: Sequence[str]) -> Arrays:
        """Return the arrays of a segment, memory-mapped.

        Raises:
            OSError, ValueError, KeyError, TypeError: it is missing or damaged.
        """
        return _open(self._path(jobs))[1]

    def remove(self, jobs: Sequence[str]) -> None:
        """Remove a segment that was merged into another one; existing maps of it stay valid."""
        atomic.remove_directory(self._path(jobs))

    def _path(self, jobs: Sequence[str]) -> Path:
        name = hashlib.blake2b("\n".join(jobs).encode(), digest_size=12).hexdigest()
        return self._folder / f"{self._kind}-{name}"


def _open(path: Path) -> tuple[tuple[str, ...], Arrays]:
    about = json.loads((path / "segment.json").read_bytes())
    arrays: dict[str, npt.NDArray[Any]] = {}
    for name, (dtype, shape) in about["arrays"].items():
        array = np.load(path / f"{name}.npy", mmap_mode="r" if 0 not in shape else None)
        if [str(array.dtype.descr), list(array.shape)] != [dtype, shape]:
            raise ValueError(f"{name} is not what was written")
        arrays[name] = array
    return tuple(about["jobs"]), arrays
