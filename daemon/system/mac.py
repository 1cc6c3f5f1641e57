"""Access to macOS libraries and sysctl numbers through ctypes; None on other systems.

Untested on hardware: signatures and structures are those of the headers of macOS 14.
"""

import ctypes
import sys
from typing import Any

SYSTEM = "/usr/lib/libSystem.B.dylib"
GRAPHICS = "/System/Library/Frameworks/CoreGraphics.framework/CoreGraphics"


def library(path: str = SYSTEM) -> Any:
    """Return a library of macOS; None on another system, or where it cannot be loaded."""
    if sys.platform != "darwin":
        return None
    try:
        return ctypes.CDLL(path)
    except OSError:
        return None


def sysctl_number(name: str, system: Any) -> int | None:
    """Return a 32-bit sysctl value of the kernel; None if it has none of this name."""
    value = ctypes.c_int32(0)
    size = ctypes.c_size_t(ctypes.sizeof(value))
    if system is None:
        return None
    failed = system.sysctlbyname(
        name.encode(), ctypes.byref(value), ctypes.byref(size), None, ctypes.c_size_t(0)
    )
    return None if failed else value.value
