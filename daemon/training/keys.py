"""Compares the keys of whole jobs, for the duplicate check at a run's start; knows no example."""

from collections.abc import Iterator

import numpy as np

from daemon.folders.fingerprints import Keys


def common(mine: Keys, theirs: Keys) -> Iterator[tuple[int, int]]:
    """Give (my row, their line) of equal keys."""
    if len(theirs) == 0:
        return
    places = np.minimum(np.searchsorted(theirs["hi"], mine["hi"]), len(theirs) - 1)
    near = theirs[places]
    for index in np.flatnonzero((near["hi"] == mine["hi"]) & (near["lo"] == mine["lo"])):
        yield int(mine["row"][index]), int(near["line"][index])


def bytes_of(keys: Keys, rows: list[int]) -> bytes:
    """Return the keys of some rows, by row."""
    by_row = keys[np.argsort(keys["row"], kind="stable")]
    chosen = by_row[np.isin(by_row["row"], np.array(rows, dtype=np.uint32))]
    return np.stack([chosen["hi"], chosen["lo"]], axis=1).tobytes()
