"""Whether a display of this Mac is on: then long GPU work delays the screen.

Untested on hardware.
"""

import ctypes
from typing import Any

from daemon.system.mac import GRAPHICS, library

MOST = 16


def display_is_on(graphics: Any = None) -> bool | None:
    """Return whether a display is awake; None if that is unknown."""
    graphics = graphics or library(GRAPHICS)
    if graphics is None:
        return None
    found, count = (ctypes.c_uint32 * MOST)(), ctypes.c_uint32(0)
    if graphics.CGGetOnlineDisplayList(MOST, found, ctypes.byref(count)):
        return None
    return any(not graphics.CGDisplayIsAsleep(found[place]) for place in range(count.value))
