"""Holds off a Mac's idle sleep while a run goes on; nothing elsewhere. Untested on hardware."""

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress

import psutil

CAFFEINATE = ("/usr/bin/caffeinate", "-i")


class KeepAwake:
    """A `caffeinate` that ends with this process."""

    def __init__(self, wanted: bool, command: Sequence[str] | None = None) -> None:
        """A command, where one is given, holds off sleep on any system."""
        self._wanted = wanted and (command is not None or sys.platform == "darwin")
        self._command = tuple(command or CAFFEINATE)
        self._process: subprocess.Popen[bytes] | None = None

    def hold(self, running: bool) -> None:
        """Hold sleep off while a run goes on and the mains are connected."""
        if not self._wanted:
            return
        if self._process is not None and self._process.poll() is not None:
            # Somebody ended it, or it could not go on: the next one takes its place.
            self._process = None
        if running and self._process is None and _on_mains():
            # A machine that may fall asleep trains later: no reason for the daemon to end.
            with suppress(OSError):
                self._process = subprocess.Popen([*self._command, "-w", str(os.getpid())])
        elif self._process is not None and not (running and _on_mains()):
            self._process.terminate()
            self._process.wait()
            self._process = None


def _on_mains() -> bool:
    battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    return battery is None or bool(battery.power_plugged)
