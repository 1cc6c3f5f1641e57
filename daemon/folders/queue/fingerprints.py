"""The keys of a job's rows, sealed in its directory in the order of the rows; mapped, not read."""

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
        ("content", "<u8"),  # the content words of its question
        ("answer", "<u8"),  # its answer
        ("offset", "<u8"),  # where its record stands in train.jsonl or holdout.jsonl
        ("row", "<u4"),
        ("line", "<u4"),
        ("length", "<u4"),  # of the content words
        # The name carries the version: signatures of another one cannot be compared.
        ("bands_v1", "<u4", (BANDS,)),
    ]
)
"""116 bytes a row."""

Keys = npt.NDArray[np.void]


def write(path: Path, parts: Iterable[Keys], rows: int) -> None:
    """Write the keys of a job's rows, given in parts of `rows` altogether."""
    header = {"descr": KEY.descr, "fortran_order": False, "shape": (rows,)}
    with atomic.replacing(path) as temporary, temporary.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for part in parts:
            file.write(part.tobytes())


def read(path: Path) -> Keys:
    """Return the keys; none where there is no file.

    Raises:
        ValueError: the file is damaged or of another version.
    """
    if not path.exists():
        return np.zeros(0, KEY)
    keys: Keys = np.load(path, mmap_mode="r", allow_pickle=False)
    if keys.dtype != KEY:
        raise ValueError(f"{path} holds keys of another version")
    return keys
