"""Limits uvicorn's connections: their number, slow request heads, slow readers."""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S = 10.0
"""A request's head must arrive whole within so many seconds."""


class _Limited(H11Protocol):
    """A connection that is aborted when its client is too slow."""

    most: int
    """Connections at once."""
    send_s: float
    """How long a client may read nothing, in seconds; also how often that is checked."""

    _deadline: asyncio.TimerHandle | None = None
    _reader_timer: asyncio.TimerHandle | None = None
    _unsent = 0

    def connection_made(self, transport: Any) -> None:
        """Accept the connection unless there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self.most:
            transport.abort()
            return
        self._wait_for_head()
        self._watch_reader()

    def data_received(self, data: bytes) -> None:
        """Parse what has arrived."""
        super().data_received(data)
        # uvicorn ends only connections that are silent between two requests.
        if self.conn.their_state is not h11.IDLE:
            self._cancel_deadline()
        elif self._deadline is None:
            self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timers."""
        self._cancel_deadline()
        if self._reader_timer is not None:
            self._reader_timer.cancel()
        super().connection_lost(exc)

    def _wait_for_head(self) -> None:
        self._deadline = self.loop.call_later(HEAD_S, self._too_slow)

    def _too_slow(self) -> None:
        self._deadline = None
        if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
            self.transport.abort()

    def _watch_reader(self) -> None:
        unsent = self.transport.get_write_buffer_size()
        if unsent and unsent == self._unsent:
            # Closing would wait for the rest to be read, possibly for ever.
            self.transport.abort()
            return
        self._unsent = unsent
        self._reader_timer = self.loop.call_later(self.send_s, self._watch_reader)

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def protocol(most: int, send_s: float) -> type[H11Protocol]:
    """Return the protocol of a server that holds at most so many connections.

    A client that reads nothing of its pending response for `send_s` seconds is disconnected, at
    the latest after twice as long.
    """
    return type("Limited", (_Limited,), {"most": most, "send_s": send_s})
