"""Counts how often the intake worker began to read a job's file and did not finish.

The worker records it itself, in the job: a start that was killed before the file was touched says
nothing about the file.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from daemon.folders.disk import atomic
from daemon.folders.disk.record_files import read_record, write_record
from daemon.layout_jobs import JobLayout


@dataclass(frozen=True)
class Readings:
    """The unfinished readings of one job's file."""

    unfinished: int = 0
    """Earlier ones that neither finished nor were stopped on purpose."""
    open: bool = False
    """Whether one has begun; after the worker's death it counts as unfinished."""

    @property
    def begun(self) -> int:
        """How many have begun and not finished, the current one included."""
        return self.unfinished + self.open


def load(place: JobLayout) -> Readings:
    """Return the counts of a job; zero where they cannot be read."""
    with suppress(OSError, ValueError):
        return read_record(_file(place), Readings)
    return Readings()


def begin(place: JobLayout) -> None:
    """Record durably, before the first byte is read, that a reading begins."""
    _write(place, Readings(load(place).begun, open=True))


def leave(place: JobLayout) -> None:
    """Record that a reading was stopped on purpose: it does not count."""
    known = load(place)
    if known.open:
        _write(place, replace(known, open=False))


def forget(place: JobLayout) -> None:
    """Remove the count: the file has been read, or is to be read from scratch."""
    atomic.remove_file(_file(place))


def _write(place: JobLayout, readings: Readings) -> None:
    write_record(_file(place), readings)


def _file(place: JobLayout) -> Path:
    return place.folder / "reading.json"
