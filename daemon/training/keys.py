"""The keys of a job's examples, for the duplicate check at a run's start; knows no example.

The arrays are sorted by key and lie on disk; a look-up touches a few pages of them.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

KEY = np.dtype([("hi", "<u8"), ("lo", "<u8"), ("row", "<u4"), ("line", "<u4")])


def read_keys(path: Path) -> np.ndarray:
    """Return the keys of a job's rows; a job without such rows may have no file."""
    if not path.exists():
        return np.zeros(0, KEY)
    keys: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    return keys


def common(mine: np.ndarray, theirs: np.ndarray) -> Iterator[tuple[int, int]]:
    """Give (my row, their line) of equal keys."""
    if len(theirs) == 0:
        return
    places = np.minimum(np.searchsorted(theirs["hi"], mine["hi"]), len(theirs) - 1)
    near = theirs[places]
    for index in np.flatnonzero((near["hi"] == mine["hi"]) & (near["lo"] == mine["lo"])):
        yield int(mine["row"][index]), int(near["line"][index])


def bytes_of(keys: np.ndarray, rows: list[int]) -> bytes:
    """Return the keys of some rows, by row."""
    by_row = keys[np.argsort(keys["row"], kind="stable")]
    chosen = by_row[np.isin(by_row["row"], np.array(rows, dtype=np.uint32))]
    return np.stack([chosen["hi"], chosen["lo"]], axis=1).tobytes()
