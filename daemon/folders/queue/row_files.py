"""Checks by size and time whether a job's row files are still as intake left them."""

from pathlib import Path

from daemon.layout_jobs import JobLayout

UNKNOWN = ""
"""The seal of jobs that were read before there were seals."""


def seal_of(place: JobLayout) -> str:
    """Return size and change time of a job's files, in one line.

    Raises:
        OSError: one of them exists and cannot be examined.
    """
    exam = [place.exam_original] if place.exam_original.exists() else []
    paths = (place.original, place.holdout_original, *exam, place.train, place.holdout)
    return " ".join(map(_facts, paths))


def _facts(path: Path) -> str:
    try:
        found = path.stat()
    except FileNotFoundError:
        return "-"
    return f"{found.st_size}:{found.st_mtime_ns}"


def rows_differ(seal: str, place: JobLayout) -> bool:
    """Return whether the size of a job's row files has changed since it was sealed.

    The dropped file is ignored: later writes to it become jobs of their own. So are times: a run
    continues in a workspace that was restored from an archive.

    Raises:
        OSError: one of them exists and cannot be examined.
    """
    if seal == UNKNOWN:
        return False
    rows = (_facts(place.train), _facts(place.holdout))
    return [_size(facts) for facts in seal.split()[-2:]] != [_size(facts) for facts in rows]


def _size(facts: str) -> str:
    return facts.partition(":")[0]
