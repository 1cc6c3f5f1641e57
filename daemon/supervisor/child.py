"""A child process: its pipes, its JSON lines, its exit status and last line of stderr."""

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from daemon.core.messages import Order, Report, decode_report, encode
from daemon.supervisor.signals import Wakeups

TAIL_BYTES = 8192
CHUNK = 65536


class Child:
    """A running worker; it ends when its stdin does."""

    def __init__(self, argv: Sequence[str], cwd: Path, wakeups: Wakeups) -> None:
        self._wakeups = wakeups
        # A session of its own: Ctrl-C in a terminal reaches only the supervisor, which sends Stop.
        self._process = subprocess.Popen(
            argv,
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._process.stdout is not None and self._process.stderr is not None
        self._out = self._process.stdout.fileno()
        self._err = self._process.stderr.fileno()
        for descriptor in (self._out, self._err):
            os.set_blocking(descriptor, False)
            wakeups.listen(descriptor)
        self._half = b""
        self._tail = b""

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def send(self, order: Order) -> None:
        """Send an order; `ended` tells whether the worker has just died, this does not."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError, ValueError):
            self._process.stdin.write(encode(order))
            self._process.stdin.flush()

    def read_reports(self) -> list[Report | str]:
        """Return the reports received, and as text every line that is not a report."""
        self._tail = (self._tail + _drain(self._err))[-TAIL_BYTES:]
        *lines, self._half = (self._half + _drain(self._out)).split(b"\n")
        return [_read(line) for line in lines if line]

    @property
    def ended(self) -> int | None:
        """The exit status once the process has ended, negative for a signal; None before."""
        return self._process.poll()

    def last_words(self) -> str:
        """Return the last non-empty line of stderr."""
        lines = self._tail.decode("utf-8", "replace").strip().splitlines()
        return lines[-1].strip()[:300] if lines else ""

    def tail(self) -> str:
        """Return the end of stderr."""
        return self._tail.decode("utf-8", "replace")

    def how_it_died(self) -> str:
        """Return the signal or exit status, with the last line of stderr."""
        status = self._process.poll() or 0
        with suppress(ValueError):
            how = signal.Signals(-status).name if status < 0 else f"exit status {status}"
            words = self.last_words()
            return f"{how}: {words}" if words else how
        return f"signal {-status}"

    def hang_up(self) -> None:
        """Close its stdin, at which it exits."""
        with suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()

    def kill(self) -> None:
        """Kill it."""
        with suppress(ProcessLookupError):
            self._process.kill()

    def reap(self) -> None:
        """Wait for a process that has ended and close its pipes."""
        for descriptor in (self._out, self._err):
            self._wakeups.forget(descriptor)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()


def _drain(descriptor: int) -> bytes:
    parts = []
    with suppress(BlockingIOError):
        while part := os.read(descriptor, CHUNK):
            parts.append(part)
    return b"".join(parts)


def _read(line: bytes) -> Report | str:
    try:
        return decode_report(line)
    except ValueError:
        return line[:300].decode("utf-8", "replace")
