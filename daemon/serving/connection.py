"""Connections that may not linger: uvicorn's, with limits on number, slow heads, slow readers."""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S = 10.0
"""A request's head must have come whole within so many seconds."""


class _Limited(H11Protocol):
    """A connection that ends where its client is too slow."""

    most: int
    """Connections at once."""
    send_s: float
    """A client may take nothing for so long, in seconds; it is looked for as often."""

    _deadline: asyncio.TimerHandle | None = None
    _look: asyncio.TimerHandle | None = None
    _unsent = 0

    def connection_made(self, transport: Any) -> None:
        """Begin, unless there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self.most:
            transport.abort()
            return
        self._wait_for_head()
        self._watch_reader()

    def data_received(self, data: bytes) -> None:
        """Take what has come."""
        super().data_received(data)
        # uvicorn ends only connections that are silent between two requests.
        if self.conn.their_state is not h11.IDLE:
            self._forget()
        elif self._deadline is None:
            self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._forget()
        if self._look is not None:
            self._look.cancel()
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
            # Closing would wait until the rest is taken, and that for ever.
            self.transport.abort()
            return
        self._unsent = unsent
        self._look = self.loop.call_later(self.send_s, self._watch_reader)

    def _forget(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def protocol(most: int, send_s: float) -> type[H11Protocol]:
    """Return the protocol of a server that holds at most so many connections.

    One whose client takes nothing of what waits for it in `send_s` seconds ends, at the latest
    after twice as long.
    """
    return type("Limited", (_Limited,), {"most": most, "send_s": send_s})
