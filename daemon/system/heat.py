"""How hot a Mac is, by the level that macOS publishes to every program.

`pmset -g therm` says nothing of heat on Apple silicon. Untested on hardware.
"""

import ctypes
from dataclasses import dataclass
from typing import Any

from daemon.system.mac import library

NAME = b"com.apple.system.thermalpressurelevel"
LEVELS = ("nominal", "moderate", "heavy", "trapping", "sleeping")
HEAVY = 2
"""From this level on the machine runs slower because it is hot."""


@dataclass(frozen=True)
class Heat:
    """What was read."""

    level: int | None
    """0 nominal, 1 moderate, 2 heavy, 3 trapping, 4 sleeping; None where it is not known."""
    reason: str | None = None
    """Why it is not known."""

    @property
    def throttled(self) -> bool | None:
        """Whether it runs slower because it is hot."""
        return None if self.level is None else self.level >= HEAVY


def thermal_level(system: Any = None) -> Heat:
    """Return the level; no privilege is needed."""
    system = system or library()
    if system is None:
        return Heat(None, "this system publishes no level of heat")
    token, state = ctypes.c_int(0), ctypes.c_uint64(0)
    failed = system.notify_register_check(NAME, ctypes.byref(token))
    if failed:
        return Heat(None, f"macOS does not tell the level of heat (notify status {failed})")
    failed = system.notify_get_state(token, ctypes.byref(state))
    system.notify_cancel(token)
    if failed or state.value >= len(LEVELS):
        return Heat(None, f"macOS told no level of heat (status {failed}, state {state.value})")
    return Heat(int(state.value))
