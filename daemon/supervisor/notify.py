"""Reports readiness, status and watchdog pings to a service manager by the sd_notify protocol.

It writes to one datagram socket. Errors are ignored: work does not depend on the manager.
"""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress

SEND_S = 0.5
"""Longest wait for a manager whose queue is full."""


class Notifier:
    """The connection to the manager that started this process; without one it does nothing."""

    def __init__(self, address: str | None = None, watchdog_s: float | None = None) -> None:
        """With `watchdog_s` the manager takes a silence of so many seconds for a hang."""
        self._address = _socket_name(address) if address else None
        watched = self._address is not None and watchdog_s is not None
        self.every_s = watchdog_s / 2 if watched and watchdog_s else None
        self._status = ""

    def ready(self) -> None:
        """Report that startup is complete."""
        self._send("READY=1")

    def alive(self, status: str) -> None:
        """Ping the watchdog, and report the state where it has changed."""
        lines = ["WATCHDOG=1"] if self.every_s is not None else []
        sentence = " ".join(status.split())
        if sentence != self._status:
            self._status = sentence
            lines.append(f"STATUS={sentence}")
        if lines:
            self._send("\n".join(lines))

    def stopping(self) -> None:
        """Report that the daemon is about to exit."""
        self._send("STOPPING=1")

    def _send(self, text: str) -> None:
        if self._address is None:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.settimeout(SEND_S)
            line.sendto(text.encode(errors="backslashreplace"), self._address)


def notifier_of(environment: Mapping[str, str], pid: int) -> Notifier:
    """Return the notifier that a manager has set up in the environment of the process `pid`.

    A watchdog meant for another process, or without a valid number, is ignored.
    """
    meant = environment.get("WATCHDOG_PID", str(pid)) == str(pid)
    microseconds = environment.get("WATCHDOG_USEC", "") if meant else ""
    watchdog_s = int(microseconds) / 1e6 if microseconds.isdecimal() else 0.0
    return Notifier(environment.get("NOTIFY_SOCKET"), watchdog_s or None)


def _socket_name(address: str) -> bytes | None:
    """Return the socket's path, or a name in Linux's abstract namespace; None for others."""
    name = os.fsencode(address)
    if name.startswith(b"@"):
        return b"\0" + name[1:]
    return name if name.startswith(b"/") else None
