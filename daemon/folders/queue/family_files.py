"""`families.npy` of a job: the family keys of each row, and whether it is trained or held out."""

import os
from collections.abc import Iterator
from contextlib import suppress
from enum import IntEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt

from daemon.folders.disk import atomic
from daemon.layout import QUEUE_STATES, Layout
from daemon.layout_jobs import JobLayout

NO_ROW = 2**32 - 1


class FamilySide(IntEnum):
    """Where the family of a row is: trained, on an exam, or withheld."""

    NONE = 0
    """Undecided: none of its rows was accepted."""
    TRAINED = 1
    EXAM = 2
    """The row itself is on the exam."""
    WITHHELD = 3
    """Another row of the family is on an exam, so this one is only in `rejected.jsonl`."""


FAMILY = np.dtype(
    [
        ("row", "<u4"),  # in train.jsonl or holdout.jsonl; NO_ROW where it is in neither
        ("line", "<u4"),
        ("side", "u1"),
        ("by_row", "u1"),  # its question is too frequent in its file to be a family
        ("group_v1", "<u8"),
        ("question", "<u8"),
        ("variant", "<u8"),  # 0 if there is none
        ("exact", "<u8"),  # the whole example
    ]
)
"""42 bytes a row; the name carries the version of the keys."""

Families = npt.NDArray[np.void]


def jobs_on_disk(layout: Layout) -> Iterator[JobLayout]:
    """Yield the directories of all jobs by arrival, in any state; the later state wins."""
    return (layout.job(state, job) for job, state in _states(layout).items())


def _states(layout: Layout) -> dict[str, str]:
    """Return the state of each job, by arrival."""
    found: dict[str, str] = {}
    for state in QUEUE_STATES:
        with suppress(FileNotFoundError):
            found |= dict.fromkeys(os.listdir(layout.queue / state), state)
    return {job: found[job] for job in sorted(found) if not job.startswith(".")}


def write(path: Path, families: Families) -> None:
    """Write the families of a job's rows."""
    with atomic.replacing(path) as temporary, temporary.open("wb") as file:
        np.lib.format.write_array(file, families, allow_pickle=False)


def read(path: Path) -> Families | None:
    """Return the families of a job's rows; None if there is no such file.

    Raises:
        ValueError: the file is damaged or of another version.
    """
    if not path.exists():
        return None
    families: Families = np.load(path, allow_pickle=False)
    if families.dtype != FAMILY:
        raise ValueError(f"{path} has families of another version")
    return families


def read_or_none(path: Path) -> Families | None:
    """Return the families of a job's rows; None if none can be read."""
    try:
        return read(path)
    except (OSError, ValueError):
        return None
