"""Runs out of memory on purpose: the error, or the death of the process, must be recognised."""

import resource

from daemon.model import machine
from daemon.model.backend import mx
from daemon.self_check.finding import CheckContext, CheckResult

NAME = "out of memory"
BEYOND = 4
"""How many times the physical memory one array asks for: a device refuses it at once."""

ROOM = 2**30
"""Address space left on a CPU: the system refuses more, whatever else runs."""


def out_of_memory(_place: CheckContext) -> CheckResult:
    """Allocate more memory than there is."""
    # The real device, not the one that FINETUNED_AS names: a CPU would give pages until it swaps.
    if mx.default_device().type == mx.DeviceType.cpu:
        return _beyond_address_space()
    count = BEYOND * machine.memory().physical
    return _refused(count)


def _beyond_address_space() -> CheckResult:
    taken = _address_space()
    if taken is None:
        return CheckResult(
            "left out", "address space cannot be limited here, and swapping would harm the system"
        )
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (taken + ROOM, hard))
    return _refused(BEYOND * ROOM)


def _refused(count: int) -> CheckResult:
    try:
        mx.eval(mx.zeros((count // 4,), mx.float32) + 1)
    except (MemoryError, RuntimeError, ValueError) as error:
        known = machine.is_out_of_memory(error)
        words = "is recognised" if known else "is not recognised"
        return CheckResult("ok" if known else "wrong", f"the device's error {words}: {error}")
    return CheckResult("wrong", f"{count} bytes were allocated that do not exist")


def _address_space() -> int | None:
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return None
