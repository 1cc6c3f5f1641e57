"""Polls the workspace once a second for all open pages, and sends each only what has changed."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from daemon.clock import Clock
from daemon.folders.status.status import strict_line
from daemon.serving.dashboard.reader import Reader

POLL_S = 1.0
BEAT_S = 10.0
"""How often an open page gets a heartbeat."""
MOST_PAGES = 64


@dataclass
class _Sent:
    """What one page has received."""

    sections: dict[str, bytes] = field(default_factory=dict)
    points: int = 0


class StateWatcher:
    """Shared by all pages of one server; polls while one is open, and for each call of `state`."""

    def __init__(self, reader: Reader, clock: Clock, leaving: Callable[[], bool]) -> None:
        self._reader = reader
        self._clock = clock
        self._leaving = leaving
        self._sections: dict[str, bytes] = {}
        self._objects: dict[str, object] = {}
        self._points: tuple[int, list[list[object]]] = (0, [])
        self._polled_s = -1e9
        self._poll_lock = asyncio.Lock()
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.pages = 0

    @property
    def full(self) -> bool:
        """Whether no further page is accepted."""
        return self.pages >= MOST_PAGES

    @property
    def watching(self) -> bool:
        """Whether the workspace is being polled."""
        return self._task is not None

    async def state(self) -> bytes:
        """Return everything as one JSON document, at most a second old."""
        await self._refresh()
        return self._message(_Sent()) or b"{}"

    async def follow(self) -> AsyncIterator[bytes]:
        """Yield server-sent events: everything, then what changes, until the page disconnects."""
        self.pages += 1
        sent = _Sent()
        try:
            yield b"retry: 2000\n\n"
            await self._refresh()
            while not self._leaving():
                news = self._news
                message = self._message(sent)
                if message is not None:
                    yield b"event: news\ndata: " + message + b"\n\n"
                elif not await self._next(news):
                    yield b"event: beat\ndata: {}\n\n"
        finally:
            self.pages -= 1
            if self.pages == 0 and self._task is not None:
                self._task.cancel()
                self._task = None

    async def _next(self, news: asyncio.Event) -> bool:
        """Return true when something has changed, and false after a while without a change."""
        if self._task is None:
            self._task = asyncio.create_task(self._poll())
        elif self._task.done():
            self._task.result()
        try:
            await asyncio.wait_for(news.wait(), BEAT_S)
        except TimeoutError:
            return False
        return True

    async def _poll(self) -> None:
        try:
            while not self._leaving():
                await asyncio.sleep(POLL_S)
                await self._refresh()
        finally:
            self._wake()

    async def _refresh(self) -> None:
        async with self._poll_lock:
            now_s = self._clock.monotonic_s()
            if now_s - self._polled_s < POLL_S / 2:
                return
            self._polled_s = now_s
            if await asyncio.to_thread(self._read):
                self._wake()

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    def _read(self) -> bool:
        """Read the workspace and return whether anything has changed."""
        changed = False
        for name, section in self._reader.read().items():
            if self._objects.get(name) is section:
                continue
            self._objects[name] = section
            data = strict_line(section).rstrip()
            if self._sections.get(name) != data:
                self._sections[name] = data
                changed = True
        count = self._reader.points_read
        if count != self._points[0]:
            self._points = (count, list(self._reader.points))
            changed = True
        return changed

    def _message(self, sent: _Sent) -> bytes | None:
        """Return what a page has not received yet, and record it as sent; None for nothing."""
        parts = []
        for name, data in list(self._sections.items()):
            if sent.sections.get(name) is not data:
                sent.sections[name] = data
                parts.append(b'"%s":%s' % (name.encode(), data))
        count, points = self._points
        if count != sent.points:
            new = points[-(count - sent.points) :] if count - sent.points < len(points) else points
            rows = strict_line({"first": sent.points == 0, "rows": new}).rstrip()
            sent.points = count
            parts.append(b'"points":%s' % rows)
        if not parts:
            return None
        time = json.dumps(self._clock.now().isoformat()).encode()
        return b'{"time":%s,%s}' % (time, b",".join(parts))
