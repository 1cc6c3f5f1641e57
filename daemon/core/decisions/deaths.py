"""Says what kind of death a trainer died: of memory, of its device, as told, or otherwise.

Knows what was left behind (status, last words, the kernel's count), no process and no file.
"""

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["memory", "device", "stopped", "other"]

LAST_WORDS = 40
"""Lines of stderr that belong to a death; what stands above was survived."""

SCARCE = 0.03
"""Share of the machine's memory: with less available, whoever kills from outside does so for it."""

_SIGABRT, _SIGBUS, _SIGKILL, _SIGSEGV, _SIGTRAP = 6, (7, 10), 9, 11, 5
"""As numbers, because the core knows no operating system; SIGBUS is 7 on Linux, 10 on macOS."""

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
    # 46 unavailable, 100 none, 101 no such one, 214 ECC, 700 address, 702 timeout, 715 instruction,
    # 719 launch failure, 999 unknown.
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
    """What a process left behind."""

    status: int
    """Its exit status; a signal as a negative number."""
    stderr: str = ""
    wanted: bool = False
    """It had been told to end."""
    oom_kills: int = 0
    """Processes the kernel has killed for want of memory since shortly before."""
    least_available: float = 1.0
    """Least share of the machine's memory that was available shortly before."""
    address_limit: bool = False
    """A limit on address space holds (`ulimit -v`): beyond it an allocation is a bad access."""


@dataclass(frozen=True)
class Cause:
    """A kind of death, and by what it was known; empty where nothing told."""

    kind: Kind
    sign: str = ""

    @property
    def after(self) -> Literal["memory", "device"] | None:
        """What the next start has to know."""
        return self.kind if self.kind == "memory" or self.kind == "device" else None


def classify(ending: Ending) -> Cause:
    """Return the cause of a death; what leaves no sign is never taken for memory or device.

    A process that was told to end may still die of memory on the way, and is then said to.
    """
    if ending.status == 0:
        return Cause("stopped")
    found = _of_kill(ending) if ending.status == -_SIGKILL else _of_last_words(ending)
    if found is not None:
        return found
    return Cause("stopped" if ending.wanted else "other")


def _of_kill(ending: Ending) -> Cause | None:
    # It had no last words: what stderr holds is older.
    if ending.oom_kills > 0:
        return Cause("memory", "the kernel killed a process for want of memory")
    if ending.least_available < SCARCE and not ending.wanted:
        return Cause("memory", f"{ending.least_available:.1%} of the memory was available")
    return None


def _of_last_words(ending: Ending) -> Cause | None:
    if ending.status < 0 and -ending.status not in (_SIGABRT, *_SIGBUS, _SIGSEGV, _SIGTRAP):
        return None
    words = "\n".join(ending.stderr.splitlines()[-LAST_WORDS:])
    # Memory first: running out of it is what some drivers die of.
    if memory := _MEMORY.search(words):
        return Cause("memory", memory.group())
    if device := _DEVICE.search(words):
        return Cause("device", device.group())
    if ending.status == -_SIGSEGV and ending.address_limit:
        return Cause("memory", "a bad access under a limit on address space")
    return None


def speaks_of_memory(message: str) -> bool:
    """Return whether an error's message says that memory ran out."""
    return _MEMORY.search(message) is not None


def speaks_of_device(message: str) -> bool:
    """Return whether an error's message says that the device or its driver is gone."""
    return _DEVICE.search(message) is not None


def speaks_of_display(message: str) -> bool:
    """Return whether an error's message says that macOS ended work for the display's sake."""
    return "ImpactingInteractivity" in message
