"""The fingerprint files of a job: one record of keys per row, in order, memory-mapped."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from daemon.folders.disk import atomic

BANDS = 16
"""Band keys of a row (daemon/dedup/signatures.py)."""

KEY = np.dtype(
    [
        ("hi", "<u8"),
        ("lo", "<u8"),  # the whole example
        ("question", "<u8"),  # all text before the answer, ignoring case and blanks
        ("content", "<u8"),  # the content words of the user's last turn, and the context
        ("answer", "<u8"),  # its answer
        ("offset", "<u8"),  # of its record in train.jsonl or holdout.jsonl
        ("row", "<u4"),
        ("line", "<u4"),
        ("length", "<u4"),  # of the content words
        ("context", "<u4"),  # all text before the user's last turn; 0 for none
        # The name carries the version: signatures of another one cannot be compared.
        ("bands_v2", "<u4", (BANDS,)),
    ]
)
"""128 bytes a row."""

EXACT = ("hi", "lo", "offset", "row", "line")
"""Fields that mean the same in keys of every version."""

Keys = npt.NDArray[np.void]


def write(path: Path, parts: Iterable[Keys], rows: int) -> None:
    """Write the keys of a job's rows, given in parts with `rows` in total."""
    header = {"descr": KEY.descr, "fortran_order": False, "shape": (rows,)}
    with atomic.replacing(path) as temporary, temporary.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for part in parts:
            file.write(part.tobytes())


def read(path: Path) -> Keys:
    """Return the keys; empty if there is no file.

    Raises:
        ValueError: the file is damaged or of another version.
    """
    keys = _read(path)
    if keys.dtype != KEY:
        raise ValueError(f"{path} has keys of another version")
    return keys


def read_exact(path: Path) -> Keys:
    """Return keys of any version, which find only rows that are equal in everything.

    Raises:
        ValueError: the file is damaged, or lacks what all versions have.
    """
    old = _read(path)
    if set(EXACT) - set(old.dtype.names or ()):
        raise ValueError(f"{path} has no keys")
    keys = np.zeros(len(old), KEY)
    for name in EXACT:
        keys[name] = old[name]
    keys["question"] = keys["content"] = keys["hi"]
    keys["length"] = 2**32 - 1
    return keys


def _read(path: Path) -> Keys:
    if not path.exists():
        return np.zeros(0, KEY)
    keys: Keys = np.load(path, mmap_mode="r", allow_pickle=False)
    return keys
