"""One look a second at the workspace for all open pages; each is told only what has changed."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from daemon.clock import Clock
from daemon.folders.status.status import strict_line
from daemon.serving.dashboard.reader import Reader

LOOK_S = 1.0
BEAT_S = 10.0
"""An open page hears so often that the server lives."""
MOST_PAGES = 64


@dataclass
class _Told:
    """What one page knows."""

    sections: dict[str, bytes] = field(default_factory=dict)
    points: int = 0


class StateWatcher:
    """Shared by all pages of one server; looks while one is open, and for each `state` asked."""

    def __init__(self, reader: Reader, clock: Clock, leaving: Callable[[], bool]) -> None:
        self._reader = reader
        self._clock = clock
        self._leaving = leaving
        self._sections: dict[str, bytes] = {}
        self._objects: dict[str, object] = {}
        self._points: tuple[int, list[list[Any]]] = (0, [])
        self._looked_s = -1e9
        self._looking = asyncio.Lock()
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.pages = 0

    @property
    def full(self) -> bool:
        """Whether no further page is taken."""
        return self.pages >= MOST_PAGES

    @property
    def watching(self) -> bool:
        """Whether the workspace is looked at again and again."""
        return self._task is not None

    async def state(self) -> bytes:
        """Return everything as one JSON document, at most a second old."""
        await self._look()
        return self._message(_Told()) or b"{}"

    async def follow(self) -> AsyncIterator[bytes]:
        """Give server-sent events: first everything, then what changes, until the page goes."""
        self.pages += 1
        told = _Told()
        try:
            yield b"retry: 2000\n\n"
            await self._look()
            while not self._leaving():
                news = self._news
                message = self._message(told)
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
        """Wait for news and return whether there are some; without for a while it returns false."""
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
                await asyncio.sleep(LOOK_S)
                await self._look()
        finally:
            self._wake()

    async def _look(self) -> None:
        async with self._looking:
            now_s = self._clock.monotonic_s()
            if now_s - self._looked_s < LOOK_S / 2:
                return
            self._looked_s = now_s
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

    def _message(self, told: _Told) -> bytes | None:
        """Return what a page does not know yet, and note that it does; None for nothing."""
        parts = []
        for name, data in list(self._sections.items()):
            if told.sections.get(name) is not data:
                told.sections[name] = data
                parts.append(b'"%s":%s' % (name.encode(), data))
        count, points = self._points
        if count != told.points:
            new = points[-(count - told.points) :] if count - told.points < len(points) else points
            rows = strict_line({"first": told.points == 0, "rows": new}).rstrip()
            told.points = count
            parts.append(b'"points":%s' % rows)
        if not parts:
            return None
        time = json.dumps(self._clock.now().isoformat()).encode()
        return b'{"time":%s,%s}' % (time, b",".join(parts))
