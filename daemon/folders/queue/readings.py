"""How often the intake worker began to read a job's file and never came to its end.

The worker notes it itself, in the job it was given: a start that was killed before the file was
touched says nothing about the file.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from daemon.folders.disk import atomic
from daemon.folders.disk.record_files import read_record, write_record
from daemon.layout_jobs import JobLayout


@dataclass(frozen=True)
class Readings:
    """Of one job's file."""

    unfinished: int = 0
    """Earlier ones that neither ended nor were left on purpose."""
    open: bool = False
    """One has begun; after the worker's death it is unfinished too."""

    @property
    def begun(self) -> int:
        """How many began and have not ended, the present one included."""
        return self.unfinished + self.open


def look(place: JobLayout) -> Readings:
    """Return what is noted of a job; nothing where that cannot be read."""
    with suppress(OSError, ValueError):
        return read_record(_file(place), Readings)
    return Readings()


def begin(place: JobLayout) -> None:
    """Note durably, before the first byte is read, that the reading begins."""
    _write(place, Readings(look(place).begun, open=True))


def leave(place: JobLayout) -> None:
    """Note that a reading was left on purpose: it does not count."""
    known = look(place)
    if known.open:
        _write(place, replace(known, open=False))


def forget(place: JobLayout) -> None:
    """Remove the note: the file has been read, or is to be read afresh."""
    atomic.remove_file(_file(place))


def _write(place: JobLayout, readings: Readings) -> None:
    write_record(_file(place), readings)


def _file(place: JobLayout) -> Path:
    return place.folder / "reading.json"
