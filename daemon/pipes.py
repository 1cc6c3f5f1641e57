"""A worker's line to the supervisor: orders come in, reports go out; knows no order's meaning."""

import os
import queue
import sys
import threading
from collections.abc import Iterator
from typing import Self

from daemon.core.messages import Order, Report, decode_order, encode

CHUNK = 65536


class Pipe:
    """Orders are read by a thread of their own, so that the work can look for them in between."""

    def __init__(self, source: int, reports: int) -> None:
        self._reports = reports
        self._orders: queue.Queue[Order | None] = queue.Queue()
        self._closed = False
        threading.Thread(target=self._read, args=(source,), name="orders", daemon=True).start()

    @classmethod
    def take_over(cls) -> Self:
        """Keep descriptor 1 for reports and point it at stderr: a library's print harms nothing."""
        sys.stdout.flush()
        reports = os.dup(1)
        os.dup2(2, 1)
        return cls(0, reports)

    @property
    def closed(self) -> bool:
        """Whether the supervisor is gone: every order has been taken and no other can come."""
        return self._closed

    def send(self, report: Report) -> None:
        """Write one report; a supervisor that is gone shows in `closed`."""
        line = memoryview(encode(report))
        try:
            while line:
                line = line[os.write(self._reports, line) :]
        except BrokenPipeError:
            self._closed = True

    def poll(self) -> Order | None:
        """Return the next order that is there already."""
        try:
            return self._taken(self._orders.get_nowait())
        except queue.Empty:
            return None

    def wait(self, timeout_s: float | None) -> Order | None:
        """Wait for the next order; None when the time is over or the supervisor is gone."""
        if self._closed:
            return None
        try:
            return self._taken(self._orders.get(timeout=timeout_s))
        except queue.Empty:
            return None

    def orders(self) -> Iterator[Order]:
        """Give the orders as they come, until the supervisor is gone."""
        while (order := self.wait(None)) is not None:
            yield order

    def _taken(self, order: Order | None) -> Order | None:
        self._closed = self._closed or order is None
        return order

    def _read(self, source: int) -> None:
        # Not through sys.stdin: a thread that still waits in its buffer when Python ends aborts it.
        half = b""
        try:
            while part := os.read(source, CHUNK):
                *lines, half = (half + part).split(b"\n")
                for line in lines:
                    self._understand(line)
        finally:
            # Also where memory has run out: nobody would notice the supervisor's end any more.
            self._orders.put(None)

    def _understand(self, line: bytes) -> None:
        try:
            self._orders.put(decode_order(line))
        except ValueError as error:
            sys.stderr.write(f"an order was not understood: {error}\n")
