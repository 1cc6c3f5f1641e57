"""Tells a service manager how the daemon fares, by the sd_notify protocol; decides nothing.

Knows one datagram socket. A manager that cannot be told is left alone: work goes on without it.
"""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress

SEND_S = 0.5
"""Longest wait for a manager whose queue is full."""


class Notifier:
    """The line to the manager that started this process; without one it does nothing."""

    def __init__(self, address: str | None = None, watchdog_s: float | None = None) -> None:
        """With `watchdog_s`, a silence of so many seconds is taken for a hang."""
        self._address = _socket_name(address) if address else None
        watched = self._address is not None and watchdog_s is not None
        self.every_s = watchdog_s / 2 if watched and watchdog_s else None
        self._status = ""

    def ready(self) -> None:
        """Say that the start is over."""
        self._send("READY=1")

    def alive(self, status: str) -> None:
        """Say that a tick is done, and the state in a sentence where it has changed."""
        lines = ["WATCHDOG=1"] if self.every_s is not None else []
        sentence = " ".join(status.split())
        if sentence != self._status:
            self._status = sentence
            lines.append(f"STATUS={sentence}")
        if lines:
            self._send("\n".join(lines))

    def stopping(self) -> None:
        """Say that the daemon is about to leave."""
        self._send("STOPPING=1")

    def _send(self, text: str) -> None:
        if self._address is None:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.settimeout(SEND_S)
            line.sendto(text.encode(errors="backslashreplace"), self._address)


def notifier_of(environment: Mapping[str, str], pid: int) -> Notifier:
    """Return the line that a manager has laid in the environment of the process `pid`.

    A watchdog that is meant for another process, or says no number, is none.
    """
    meant = environment.get("WATCHDOG_PID", str(pid)) == str(pid)
    microseconds = environment.get("WATCHDOG_USEC", "") if meant else ""
    watchdog_s = int(microseconds) / 1e6 if microseconds.isdecimal() else 0.0
    return Notifier(environment.get("NOTIFY_SOCKET"), watchdog_s or None)


def _socket_name(address: str) -> bytes | None:
    """Return a path, or a name of Linux's abstract space, as sockets want it; None for others."""
    name = os.fsencode(address)
    if name.startswith(b"@"):
        return b"\0" + name[1:]
    return name if name.startswith(b"/") else None
