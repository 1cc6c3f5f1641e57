"""A worker's pipes to the supervisor: orders arrive on stdin, reports leave on stdout."""

import os
import queue
import sys
import threading
from collections.abc import Iterator
from typing import Self

from daemon.core.messages import Order, Report, decode_order, encode

CHUNK = 65536


class Pipe:
    """The pipes of one worker; a thread reads orders, so that the work can poll for them."""

    def __init__(self, source: int, reports: int) -> None:
        self._reports = reports
        self._orders: queue.Queue[Order | None] = queue.Queue()
        self._closed = False
        threading.Thread(target=self._read, args=(source,), name="orders", daemon=True).start()

    @classmethod
    def take_over(cls) -> Self:
        """Reserve stdout for reports and redirect prints of libraries to stderr."""
        sys.stdout.flush()
        reports = os.dup(1)
        os.dup2(2, 1)
        return cls(0, reports)

    @property
    def closed(self) -> bool:
        """Whether the supervisor is gone: all orders have been taken and no more can arrive."""
        return self._closed

    def send(self, report: Report) -> None:
        """Write one report; `closed` tells whether the supervisor is gone."""
        line = memoryview(encode(report))
        try:
            while line:
                line = line[os.write(self._reports, line) :]
        except BrokenPipeError:
            self._closed = True

    def poll(self) -> Order | None:
        """Return the next order if one has arrived."""
        try:
            return self._taken(self._orders.get_nowait())
        except queue.Empty:
            return None

    def wait(self, timeout_s: float | None) -> Order | None:
        """Wait for the next order; return None on timeout or when the supervisor is gone."""
        if self._closed:
            return None
        try:
            return self._taken(self._orders.get(timeout=timeout_s))
        except queue.Empty:
            return None

    def orders(self) -> Iterator[Order]:
        """Yield orders as they arrive, until the supervisor is gone."""
        while (order := self.wait(None)) is not None:
            yield order

    def _taken(self, order: Order | None) -> Order | None:
        self._closed = self._closed or order is None
        return order

    def _read(self, source: int) -> None:
        # Not through sys.stdin: a thread blocked in its buffer at exit makes Python abort.
        half = b""
        try:
            while part := os.read(source, CHUNK):
                *lines, half = (half + part).split(b"\n")
                for line in lines:
                    self._decode(line)
        finally:
            # Also after a MemoryError: otherwise the end of the supervisor would go unnoticed.
            self._orders.put(None)

    def _decode(self, line: bytes) -> None:
        try:
            self._orders.put(decode_order(line))
        except ValueError as error:
            sys.stderr.write(f"an order could not be decoded: {error}\n")
