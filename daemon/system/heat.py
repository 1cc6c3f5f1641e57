"""Thermal pressure of a Mac, from the level that macOS publishes to every program.

`pmset -g therm` does not report it on Apple silicon. Untested on hardware.
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
    """The thermal level, or why it is unknown."""

    level: int | None
    """0 nominal, 1 moderate, 2 heavy, 3 trapping, 4 sleeping; None if it is unknown."""
    reason: str | None = None
    """Why it is unknown."""

    @property
    def throttled(self) -> bool | None:
        """Whether it runs slower because it is hot."""
        return None if self.level is None else self.level >= HEAVY


def thermal_level(system: Any = None) -> Heat:
    """Return the level; no privilege is needed."""
    system = system or library()
    if system is None:
        return Heat(None, "this system publishes no thermal level")
    token, state = ctypes.c_int(0), ctypes.c_uint64(0)
    failed = system.notify_register_check(NAME, ctypes.byref(token))
    if failed:
        return Heat(None, f"macOS does not report the thermal level (notify status {failed})")
    failed = system.notify_get_state(token, ctypes.byref(state))
    system.notify_cancel(token)
    if failed or state.value >= len(LEVELS):
        return Heat(None, f"macOS reported no thermal level (status {failed}, state {state.value})")
    return Heat(int(state.value))
