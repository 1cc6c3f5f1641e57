"""The faults of finetuned, by who must act, and the exit codes; knows nothing else."""

import errno
from enum import IntEnum


class ExitCode(IntEnum):
    """What a command's exit status means; the numbers are a promise to scripts."""

    OK = 0
    FAILED = 1
    USAGE = 2
    LEFTOVERS = 3
    BUSY = 4
    BLOCKED = 5
    MODEL = 6
    NOT_RUNNING = 7
    REFUSED = 8
    JOB_FAILED = 9
    DISK_FULL = 10
    DISK_BROKEN = 11
    MODEL_DIED = 12


NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NO_ROOM_WORDS = (
    "[write] Unable to write",
    "No space left on device",
    *(f"(os error {number})" for number in NO_ROOM),
)


def is_disk_full(error: BaseException) -> bool:
    """Return whether an error means that the disk has no room.

    MLX and safetensors have no error of their own for it: only their words tell.
    """
    if isinstance(error, OSError):
        return error.errno in NO_ROOM
    return any(words in str(error) for words in _NO_ROOM_WORDS)


class Fault(Exception):
    """A failure with a machine code and a sentence that names the place and the deed."""

    exit_code = ExitCode.FAILED

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class UserFault(Fault):
    """The user can mend it: explain, touch nothing, carry on."""


class SettingsFault(UserFault):
    """Settings that cannot be used; the message lists every mistake at once."""

    exit_code = ExitCode.USAGE


class OwnerFault(UserFault):
    """The workspace is another user's."""

    exit_code = ExitCode.USAGE


class ModelFault(UserFault):
    """A base model that is missing, damaged or not supported."""

    exit_code = ExitCode.MODEL

    def __init__(self, code: str, message: str, passing: bool = False) -> None:
        """`passing` where an error that may pass by itself was the cause."""
        super().__init__(code, message)
        self.passing = passing


class BusyFault(UserFault):
    """Another process holds the workspace or the model."""

    exit_code = ExitCode.BUSY


class RunFault(Fault):
    """One run cannot go on: try it again or park its jobs; everything else continues."""


class SavedSettingsFault(RunFault):
    """Settings that were saved with a run or a version mean nothing to this release."""


class DaemonFault(Fault):
    """The daemon itself cannot go on: stop with one sentence."""


class DiskFault(DaemonFault):
    """The disk under the daemon is broken or gone."""

    exit_code = ExitCode.DISK_BROKEN


class ServerFault(DaemonFault):
    """The server's model fails again and again: only a new process has another."""

    exit_code = ExitCode.MODEL_DIED
