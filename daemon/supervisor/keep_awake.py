"""Prevents idle sleep on a Mac during a run; does nothing elsewhere. Untested on hardware."""

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress

import psutil

CAFFEINATE = ("/usr/bin/caffeinate", "-i")


class KeepAwake:
    """A `caffeinate` process that ends with this one."""

    def __init__(self, wanted: bool, command: Sequence[str] | None = None) -> None:
        """A `command` is used on any system in place of `caffeinate`."""
        self._wanted = wanted and (command is not None or sys.platform == "darwin")
        self._command = tuple(command or CAFFEINATE)
        self._process: subprocess.Popen[bytes] | None = None

    def hold(self, running: bool) -> None:
        """Prevent sleep while a run is active and the machine is on mains power."""
        if not self._wanted:
            return
        if self._process is not None and self._process.poll() is not None:
            # It was killed or failed: start another one.
            self._process = None
        if running and self._process is None and _on_mains():
            # Without it the machine may sleep and train later: no reason to end the daemon.
            with suppress(OSError):
                self._process = subprocess.Popen([*self._command, "-w", str(os.getpid())])
        elif self._process is not None and not (running and _on_mains()):
            self._process.terminate()
            self._process.wait()
            self._process = None


def _on_mains() -> bool:
    battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    return battery is None or bool(battery.power_plugged)
