"""Queues a request's generations and awaits their events, until its client leaves."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from starlette.types import Receive

from daemon.clock import Clock
from daemon.serving.engine_thread import EngineThread
from daemon.serving.generation import Event, GenerationJob, RequestError, RequestRefused
from daemon.serving.metrics import ServerMetrics

FIRST_S = 0.5
"""How long a stream's head waits for an error that would have a status of its own."""

COMMENT_S = 3.0
"""A client of a stream hears something at least so often, in seconds."""


class ClientGone(Exception):
    """The client disconnected before its answer was complete."""


@dataclass(frozen=True)
class Nothing:
    """Nothing has come for a while."""


Indexed = tuple[int, Event]
"""An event of one of the request's answers."""


@dataclass
class Answering:
    """The answers of one request, on their way."""

    thread: EngineThread
    metrics: ServerMetrics
    clock: Clock
    works: Sequence[GenerationJob]
    began_s: float
    ends: dict[int, str] = field(default_factory=dict)
    """How each answer that has begun stands: `left` until it has ended."""
    tokens: dict[int, int] = field(default_factory=dict)
    first_s: float | None = None
    """From the request to its first token."""
    on_end: Callable[["Answering"], None] = lambda _: None
    """Called once, when all answers have ended or were abandoned."""

    def __post_init__(self) -> None:
        """Make the queue of events."""
        self._queue = _AnswerQueue(asyncio.get_running_loop())

    def submit(self) -> None:
        """Queue all answers.

        Raises:
            RequestRefused: there is no room for all of them; none is made then.
        """
        for index, work in enumerate(self.works):
            trouble = self.thread.submit(work, partial(self._queue.put, index))
            if trouble is not None:
                self._close()
                raise RequestRefused(trouble)
            self.ends[index], self.tokens[index] = "left", 0

    async def events(self, receive: Receive) -> AsyncGenerator[Indexed | Nothing, None]:
        """Yield all events up to the last answer's end, or the first error.

        Raises:
            ClientGone: the client left before anything came.
        """
        watch = asyncio.create_task(_watch_disconnect(receive, self._queue))
        wait_s, started = FIRST_S, False
        try:
            while "left" in self.ends.values():
                try:
                    item = await self._queue.take(wait_s)
                except TimeoutError:
                    wait_s = COMMENT_S
                    yield Nothing()
                    continue
                if item is None:
                    if not started:
                        raise ClientGone
                    return
                wait_s = COMMENT_S
                self._note(*item, first=not started)
                started = True
                yield item
                if isinstance(item[1], RequestError):
                    return
        finally:
            watch.cancel()
            self._close()

    def _note(self, index: int, event: Event, first: bool) -> None:
        if isinstance(event, RequestError):
            self.ends[index] = event.code
            return
        self.tokens[index] = event.tokens
        self.ends[index] = event.finish or "left"
        if first:
            self.first_s = self.clock.monotonic_s() - self.began_s
            self.metrics.first_token(self.first_s)

    def _close(self) -> None:
        """Abandon what has not ended, and count all."""
        for index, end in self.ends.items():
            work = self.works[index]
            if end == "left":
                self.thread.leave(work.number)
            self.metrics.answer(work.subject.version, end, len(work.prompt), self.tokens[index])
        if self.ends:
            self.on_end(self)
        self.ends = {}


class _AnswerQueue:
    """Events from the engine's thread to the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._events: asyncio.Queue[Indexed | None] = asyncio.Queue()

    def put(self, index: int, event: Event) -> None:
        """Add one event, from any thread."""
        # The loop may have ended: then there is no client left.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._events.put_nowait, (index, event))

    def disconnect(self) -> None:
        """Report that the client has disconnected."""
        self._events.put_nowait(None)

    async def take(self, wait_s: float) -> Indexed | None:
        """Return the next event; None if the client has disconnected.

        Raises:
            TimeoutError: nothing came in time.
        """
        if not self._events.empty():
            return self._events.get_nowait()
        async with asyncio.timeout(wait_s):
            return await self._events.get()


async def _watch_disconnect(receive: Receive, answer_queue: _AnswerQueue) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    answer_queue.disconnect()
