"""Limits the memory of this process."""

import errno
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

ENFORCED = sys.platform == "linux"
"""Whether the system keeps to a limit on memory; macOS takes one and ignores it."""

UNENFORCED = (
    "this system does not enforce intake.max_memory_bytes: a file that needs more memory than "
    "there is ends with the intake worker"
)
SHARE = 2
"""Of the machine's memory, one part in so many may be taken where no setting says how much."""


@contextmanager
def at_most(allowed_bytes: int | None) -> Iterator[None]:
    """Allow so many bytes beyond what is held now; what asks for more gets a `MemoryError`.

    A library without such an error aborts the process.
    """
    if not ENFORCED:
        yield
        return
    # Not the address space: each thread's allocator reserves 64 MiB of it and uses next to none.
    before = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = held_bytes() + (allowed_bytes or psutil.virtual_memory().total // SHARE)
    known = [limit for limit in before if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_DATA, (min([wanted, *known]), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


def held_bytes() -> int:
    """Return the private writable memory of this process, which the limit is compared with."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmData:"):
            return int(line.split()[1]) * 1024
    raise OSError(errno.ENODATA, "/proc/self/status has no VmData")
