"""Available memory of the machine; on a Mac by the kernel's own measure.

psutil's `available` does not count compressed and purgeable pages on macOS, so a busy Mac looks
full long before it is. `kern.memorystatus_level` is the percentage by which the kernel itself
judges memory pressure. Untested on hardware.
"""

from typing import Any

import psutil

from daemon.system.mac import library, sysctl_number

LEVEL = "kern.memorystatus_level"
PRESSURE = "kern.memorystatus_vm_pressure_level"
WARNING, CRITICAL = 2, 4
"""Of the pressure level; 1 is normal."""


def memory_level(system: Any = None) -> int | None:
    """Return the percentage of available memory on macOS; None elsewhere."""
    level = sysctl_number(LEVEL, system or library())
    return level if level is not None and 0 <= level <= 100 else None


def pressure_level(system: Any = None) -> int | None:
    """Return 1 for no pressure, 2 for a warning, 4 for critical on macOS; None elsewhere."""
    return sysctl_number(PRESSURE, system or library())


def available_bytes(system: Any = None) -> tuple[int, int]:
    """Return available and total memory, in bytes."""
    memory = psutil.virtual_memory()
    available, total = int(memory.available), int(memory.total)
    level = memory_level(system)
    return (available if level is None else total * level // 100), total
