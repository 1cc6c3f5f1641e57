"""Whether the files a job is trained from are still those that intake left; reads no row."""

from pathlib import Path

from daemon.layout import JobLayout

UNKNOWN = ""
"""The seal of jobs that were taken in before there were seals."""


def seal_of(place: JobLayout) -> str:
    """Return size and time of change of a job's files, in one line.

    Raises:
        OSError: one of them cannot be looked at, other than because it is not there.
    """
    return " ".join(
        _facts(path)
        for path in (place.original, place.holdout_original, place.train, place.holdout)
    )


def _facts(path: Path) -> str:
    try:
        found = path.stat()
    except FileNotFoundError:
        return "-"
    return f"{found.st_size}:{found.st_mtime_ns}"


def rows_differ(seal: str, place: JobLayout) -> bool:
    """Return whether the rows that intake made are others than when a job was sealed.

    The dropped file is not looked at: what is written to it while it is trained is passed on.

    Raises:
        OSError: one of them cannot be looked at, other than because it is not there.
    """
    return seal != UNKNOWN and seal.split()[-2:] != [_facts(place.train), _facts(place.holdout)]
