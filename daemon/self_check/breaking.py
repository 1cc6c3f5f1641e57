"""Runs out of memory on purpose, in this process: it must be known as that, or by how it dies."""

import resource

from daemon.model import machine
from daemon.model.backend import mx
from daemon.self_check.finding import CheckContext, CheckResult

NAME = "out of memory"
BEYOND = 4
"""Times all the memory there is, in one array: a device refuses it before it takes any."""

ROOM = 2**30
"""Address space that a CPU may still take: beyond it the system refuses, whatever else runs."""


def out_of_memory(_place: CheckContext) -> CheckResult:
    """Ask for more than there is."""
    # The real device, whatever else is chosen for: a CPU would hand out pages until it swaps.
    if mx.default_device().type == mx.DeviceType.cpu:
        return _beyond_address_space()
    count = BEYOND * machine.memory().physical
    return _refused(count)


def _beyond_address_space() -> CheckResult:
    taken = _address_space()
    if taken is None:
        return CheckResult(
            "left out", "this system bounds no address space, and swapping would harm it"
        )
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (taken + ROOM, hard))
    return _refused(BEYOND * ROOM)


def _refused(count: int) -> CheckResult:
    try:
        mx.eval(mx.zeros((count // 4,), mx.float32) + 1)
    except (MemoryError, RuntimeError, ValueError) as error:
        known = machine.is_out_of_memory(error)
        words = "is known as such" if known else "is not known as such"
        return CheckResult("ok" if known else "wrong", f"the device's error {words}: {error}")
    return CheckResult("wrong", f"{count} bytes were given that are not there")


def _address_space() -> int | None:
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return None
