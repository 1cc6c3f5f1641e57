"""Whether the files a job is trained from are still those that intake left; reads no row."""

from pathlib import Path

from daemon.layout_jobs import JobLayout

UNKNOWN = ""
"""The seal of jobs that were taken in before there were seals."""


def seal_of(place: JobLayout) -> str:
    """Return size and time of change of a job's files, in one line.

    Raises:
        OSError: one of them cannot be looked at, other than because it is not there.
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
    """Return whether the rows that intake made have another size than when a job was sealed.

    The dropped file is not looked at: what is written to it while it is trained is passed on. Nor
    are times: a run in progress goes on in a workspace that came out of an archive.

    Raises:
        OSError: one of them cannot be looked at, other than because it is not there.
    """
    if seal == UNKNOWN:
        return False
    rows = (_facts(place.train), _facts(place.holdout))
    return [_size(facts) for facts in seal.split()[-2:]] != [_size(facts) for facts in rows]


def _size(facts: str) -> str:
    return facts.partition(":")[0]
