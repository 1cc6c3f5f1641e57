"""The keys of a job's rows, sealed in its directory: sorted, so that look-ups touch few pages."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from daemon.folders import atomic

KEY = np.dtype([("hi", "<u8"), ("lo", "<u8"), ("row", "<u4"), ("line", "<u4")])
Keys = npt.NDArray[np.void]


def write(path: Path, rows: Iterable[tuple[bytes, int, int]]) -> None:
    """Write (key of 16 bytes, row, line), sorted by key."""
    found = [
        (int.from_bytes(key[:8], "big"), int.from_bytes(key[8:], "big"), row, line)
        for key, row, line in rows
    ]
    keys = np.sort(np.array(found, dtype=KEY), order=("hi", "lo"))
    with atomic.replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, keys, allow_pickle=False)


def read(path: Path) -> Keys:
    """Return the keys, mapped from disk; none where there is no file."""
    if not path.exists():
        return np.zeros(0, KEY)
    keys: Keys = np.load(path, mmap_mode="r", allow_pickle=False)
    return keys


def find(keys: Keys, wanted: bytes) -> int | None:
    """Return the line of a key; None where it is not there."""
    hi, lo = int.from_bytes(wanted[:8], "big"), int.from_bytes(wanted[8:], "big")
    place = int(np.searchsorted(keys["hi"], np.uint64(hi)))
    while place < len(keys) and int(keys["hi"][place]) == hi:
        if int(keys["lo"][place]) == lo:
            return int(keys["line"][place])
        place += 1
    return None
