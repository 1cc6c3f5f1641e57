"""The exceptions of finetuned, grouped by who must act, and the exit codes."""

import errno
from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes of the commands; scripts may rely on the numbers."""

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
    INTERRUPTED = 130
    TERMINATED = 143


NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NO_ROOM_WORDS = (
    "[write] Unable to write",
    "No space left on device",
    *(f"(os error {number})" for number in NO_ROOM),
)


def is_disk_full(error: BaseException) -> bool:
    """Return whether an error means that the disk is full.

    MLX and safetensors have no error type for it, so their messages are matched.
    """
    if isinstance(error, OSError):
        return error.errno in NO_ROOM
    return any(words in str(error) for words in _NO_ROOM_WORDS)


class Fault(Exception):
    """A failure with a code for programs and a message that says where and what to do."""

    exit_code = ExitCode.FAILED

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class UserFault(Fault):
    """The user can fix it: explain, change nothing, carry on."""


class SettingsFault(UserFault):
    """Settings that cannot be used; the message lists every mistake at once."""

    exit_code = ExitCode.USAGE


class OwnerFault(UserFault):
    """The workspace belongs to another user."""

    exit_code = ExitCode.USAGE


class ModelFault(UserFault):
    """A base model that is missing, damaged or not supported."""

    exit_code = ExitCode.MODEL

    def __init__(self, code: str, message: str, passing: bool = False) -> None:
        """`passing` where the cause is an error that may pass by itself."""
        super().__init__(code, message)
        self.passing = passing


class InterruptedFault(UserFault):
    """The work was interrupted by a signal or a request to stop, and is not done."""

    def __init__(self, message: str, signal: int | None) -> None:
        """`signal` is the signal's number; None for a request."""
        super().__init__("interrupted", message)
        self.exit_code = ExitCode.FAILED if signal is None else ExitCode(128 + signal)


class BusyFault(UserFault):
    """Another process holds the workspace or the model."""

    exit_code = ExitCode.BUSY


class RunFault(Fault):
    """One run cannot continue: retry it or fail its jobs; everything else goes on."""


class SavedSettingsFault(RunFault):
    """Settings saved with a run or a version are unusable in this release."""


class DaemonFault(Fault):
    """The daemon itself cannot continue: it stops with one sentence."""


class DiskFault(DaemonFault):
    """The disk with the workspace is broken or gone."""

    exit_code = ExitCode.DISK_BROKEN


class ServerFault(DaemonFault):
    """The server's model keeps failing: only a new process can load it afresh."""

    exit_code = ExitCode.MODEL_DIED
