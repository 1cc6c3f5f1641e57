"""Classifies the death of a worker: out of memory, lost device, stopped on order, or other.

The signs are its exit status, the end of its stderr and the kernel's count of OOM kills.
"""

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["memory", "device", "stopped", "other"]

LAST_WORDS = 40
"""How many last lines of stderr count as signs; earlier errors were survived."""

SCARCE = 0.03
"""With a smaller share of memory available, a SIGKILL from outside is taken for an OOM kill."""

_SIGABRT, _SIGBUS, _SIGKILL, _SIGSEGV, _SIGTRAP = 6, (7, 10), 9, 11, 5
"""As numbers, because core does not import `signal`; SIGBUS is 7 on Linux, 10 on macOS."""

MEMORY_SIGNS = (
    r"\[metal::malloc\](?!.*Resource limit)",
    r"bad_alloc",
    r"Unable to allocate",
    r"(?i:out of memory)",
    r"OutOfMemory",
    r"\bMemoryError\b",
    r"Insufficient Memory",
    r"cudaErrorMemoryAllocation|CUDA_ERROR_OUT_OF_MEMORY",
    r"Cannot allocate memory",
)
DEVICE_SIGNS = (
    r"kIOGPUCommandBufferCallbackError(?:Timeout|ImpactingInteractivity|Hang|PageFault"
    r"|InnocentVictim|SubmissionsIgnored|AccessRevoked)",
    r"(?:GPU|device)(?: is| was| has been)? (?:lost|removed)\b|fallen off the bus",
    # 46 unavailable, 100 no device, 101 invalid device, 214 ECC, 700 illegal address, 702 timeout,
    # 715 illegal instruction, 719 launch failure, 999 unknown.
    r"(?i:\bcuda[\w ]*error\D{0,12}(?:46|100|101|214|700|702|715|719|999)\b)",
    r"cudaError(?:IllegalAddress|LaunchFailure|LaunchTimeout|DevicesUnavailable|NoDevice"
    r"|ECCUncorrectable|IllegalInstruction|Unknown)\b",
    r"CUDA_ERROR_(?:ILLEGAL_ADDRESS|LAUNCH_FAILED|LAUNCH_TIMEOUT|NO_DEVICE|DEVICE_UNAVAILABLE"
    r"|ECC_UNCORRECTABLE|UNKNOWN)",
    r"an illegal memory access was encountered",
    r"unspecified launch failure",
    r"the launch timed out and was terminated",
    r"uncorrectable ECC error",
    r"CUDA-capable device\(s\) is/are busy or unavailable|no CUDA-capable device is detected",
    r"(?i:driver shutting down)",
)
_MEMORY = re.compile("|".join(MEMORY_SIGNS))
_DEVICE = re.compile("|".join(DEVICE_SIGNS))


@dataclass(frozen=True)
class Ending:
    """The signs that a process left behind."""

    status: int
    """Its exit status; a signal as a negative number."""
    stderr: str = ""
    wanted: bool = False
    """It had been ordered to end."""
    oom_kills: int = 0
    """Processes killed by the kernel for lack of memory since shortly before."""
    least_available: float = 1.0
    """The lowest share of available memory shortly before."""
    address_limit: bool = False
    """Address space is limited (`ulimit -v`): an allocation beyond the limit may segfault."""


@dataclass(frozen=True)
class Cause:
    """A kind of death, and the sign by which it was recognised, empty if there was none."""

    kind: Kind
    sign: str = ""

    @property
    def after(self) -> Literal["memory", "device"] | None:
        """What the next start needs to know."""
        return self.kind if self.kind == "memory" or self.kind == "device" else None


def classify(ending: Ending) -> Cause:
    """Return the cause of a death; without a sign it is never taken for memory or device.

    A process that was ordered to end may still run out of memory on the way, and then counts so.
    """
    if ending.status == 0:
        return Cause("stopped")
    found = _of_kill(ending) if ending.status == -_SIGKILL else _of_last_words(ending)
    if found is not None:
        return found
    return Cause("stopped" if ending.wanted else "other")


def _of_kill(ending: Ending) -> Cause | None:
    # A killed process writes nothing: what stderr holds is older.
    if ending.oom_kills > 0:
        return Cause("memory", "the kernel killed a process for lack of memory")
    if ending.least_available < SCARCE and not ending.wanted:
        return Cause("memory", f"{ending.least_available:.1%} of the memory was available")
    return None


def _of_last_words(ending: Ending) -> Cause | None:
    if ending.status < 0 and -ending.status not in (_SIGABRT, *_SIGBUS, _SIGSEGV, _SIGTRAP):
        return None
    words = "\n".join(ending.stderr.splitlines()[-LAST_WORDS:])
    # Memory first: some drivers fail because memory ran out.
    if memory := _MEMORY.search(words):
        return Cause("memory", memory.group())
    if device := _DEVICE.search(words):
        return Cause("device", device.group())
    if ending.status == -_SIGSEGV and ending.address_limit:
        return Cause("memory", "a segmentation fault under a limit on address space")
    return None


def speaks_of_memory(message: str) -> bool:
    """Return whether an error message reports a lack of memory."""
    return _MEMORY.search(message) is not None


def speaks_of_device(message: str) -> bool:
    """Return whether an error message reports that the device or its driver is gone."""
    return _DEVICE.search(message) is not None


def speaks_of_display(message: str) -> bool:
    """Return whether an error message reports that macOS killed work for the display."""
    return "ImpactingInteractivity" in message
