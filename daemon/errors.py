"""The faults of finetuned, by who must act, and the exit codes; knows nothing else."""

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


class ModelFault(UserFault):
    """A base model that is missing, damaged or not supported."""

    exit_code = ExitCode.MODEL


class BusyFault(UserFault):
    """Another process holds the workspace or the model."""

    exit_code = ExitCode.BUSY


class RunFault(Fault):
    """One run cannot go on: try it again or park its jobs; everything else continues."""


class DaemonFault(Fault):
    """The daemon itself cannot go on: stop with one sentence."""
