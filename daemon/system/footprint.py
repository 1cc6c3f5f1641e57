"""The memory of a process, as the system counts it when it kills for lack of memory.

On macOS that is the footprint (`ri_phys_footprint`), which Activity Monitor shows and jetsam
counts: it includes the GPU's buffers and compressed pages, which the resident size does not.
Elsewhere it is the resident size. Untested on hardware.
"""

import ctypes
from typing import Any

import psutil

from daemon.system.mac import library

RUSAGE_INFO_V0 = 0


class RusageInfo(ctypes.Structure):
    """`rusage_info_v0` of `sys/resource.h`."""

    _fields_ = (
        ("ri_uuid", ctypes.c_uint8 * 16),
        ("ri_user_time", ctypes.c_uint64),
        ("ri_system_time", ctypes.c_uint64),
        ("ri_pkg_idle_wkups", ctypes.c_uint64),
        ("ri_interrupt_wkups", ctypes.c_uint64),
        ("ri_pageins", ctypes.c_uint64),
        ("ri_wired_size", ctypes.c_uint64),
        ("ri_resident_size", ctypes.c_uint64),
        ("ri_phys_footprint", ctypes.c_uint64),
        ("ri_proc_start_abstime", ctypes.c_uint64),
        ("ri_proc_exit_abstime", ctypes.c_uint64),
    )


def footprint_bytes(pid: int, system: Any = None) -> int | None:
    """Return the memory of a process; None if it is gone or another user's."""
    info = _usage(pid, system or library())
    return resident_bytes(pid) if info is None else int(info.ri_phys_footprint)


def wired_bytes(pid: int, system: Any = None) -> int | None:
    """Return the wired memory of a process; None if the system does not report it."""
    info = _usage(pid, system or library())
    return None if info is None else int(info.ri_wired_size)


def resident_bytes(pid: int) -> int | None:
    """Return the resident size of a process; None if it is gone or another user's."""
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return None


def _usage(pid: int, system: Any) -> RusageInfo | None:
    if system is None:
        return None
    info = RusageInfo()
    failed = system.proc_pid_rusage(pid, RUSAGE_INFO_V0, ctypes.byref(info))
    return None if failed else info
