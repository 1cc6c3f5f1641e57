"""Failpoints: named places where a test can inject a disk error or a kill; off by default.

`FINETUNED_FAILPOINT` names one occurrence in one kind of process and what happens there:
`training:move.renamed:3:KILL`, or `supervisor:write.synced:1:ENOSPC` for an error. It happens once:
the file `FINETUNED_FAILPOINT_FIRED` records it, also for later processes.
`FINETUNED_FAILPOINT_LOG` names a file to which every failpoint passed is appended instead.
"""

import errno
import os
import signal
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass

POINT = "FINETUNED_FAILPOINT"
FIRED = "FINETUNED_FAILPOINT_FIRED"
LOG = "FINETUNED_FAILPOINT_LOG"
ERRORS = {
    name: getattr(errno, name) for name in ("ENOSPC", "EIO", "EMFILE", "EACCES", "EDQUOT", "EFBIG")
}
KILL = "KILL"


@dataclass(frozen=True)
class FailpointSpec:
    """One occurrence of one failpoint."""

    role: str
    point: str
    occurrence: int
    what: str
    """`KILL`, or the name of an error."""

    @classmethod
    def read(cls, text: str) -> "FailpointSpec":
        """Parse the value of the environment variable.

        Raises:
            ValueError: it is not of the form `role:point:occurrence:what`.
        """
        role, point, occurrence, what = text.split(":")
        if what != KILL and what not in ERRORS:
            raise ValueError(f"{POINT}={text!r}: {what} is neither {KILL} nor one of {ERRORS}")
        return cls(role, point, int(occurrence), what)


_wanted = FailpointSpec.read(os.environ[POINT]) if POINT in os.environ else None
_log = os.environ.get(LOG)
_passed: Counter[str] = Counter()


def failpoint(point: str) -> None:
    """Pass a failpoint.

    Raises:
        OSError: a test injects it.
    """
    if _wanted is None and _log is None:
        return
    if _log is not None:
        _append(_log, f"{role()}:{point}\n")
    _passed[point] += 1
    if _wanted is None or (_wanted.role, _wanted.point) != (role(), point):
        return
    if _passed[point] == _wanted.occurrence and _first():
        _happen(_wanted.what)


def role() -> str:
    """Return the kind of this process: `training`, `intake` or `supervisor`."""
    module = sys.argv[0].replace(os.sep, "/")
    return next((kind for kind in ("training", "intake") if f"/{kind}/" in module), "supervisor")


def _happen(what: str) -> None:
    if what == KILL:
        os.kill(os.getpid(), signal.SIGKILL)
        signal.pause()
    raise OSError(ERRORS[what], f"{os.strerror(ERRORS[what])} (a test asked for it)")


def _first() -> bool:
    """Return whether it has not happened yet, and record that it has."""
    with suppress(FileExistsError):
        os.close(os.open(os.environ[FIRED], os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        return True
    return False


def _append(path: str, line: str) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    os.write(descriptor, line.encode())
    os.close(descriptor)
