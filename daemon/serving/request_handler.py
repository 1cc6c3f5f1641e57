"""Handles a request from its body to its response: queues the generation, awaits its events."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from itertools import count
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive

from daemon.clock import Clock
from daemon.serving.api.request_notes import IgnoredFields, notes_of
from daemon.serving.api.validation import Body, validated
from daemon.serving.body import read_json
from daemon.serving.engine_thread import EngineThread
from daemon.serving.generation import (
    Event,
    GenerationJob,
    RequestError,
    RequestRefused,
    ServedVersion,
)
from daemon.serving.metrics import ServerMetrics
from daemon.serving.prompts import Prompts, room_for
from daemon.serving.registry import Registry
from daemon.serving.request_bodies import SamplingFields
from daemon.serving.response_formats import AnswerParts, Frame, ResponseFormat, json_bytes
from daemon.serving.stream import EventStream
from daemon.settings_serving import ServerSettings

PromptOf = Callable[[ServedVersion], tuple[int, ...]]


@dataclass(frozen=True)
class GenerationRequest:
    """A request as its route has parsed it."""

    model: str
    choices: SamplingFields
    prompt_of: PromptOf
    tools: tuple[str, ...] = ()
    counts_usage: bool = False
    prefix: str | None = None
    """A name of `[prefixes]`, or `none`; None for the version's own."""
    one_call: bool = False
    """Only the first of several calls is wanted."""


@dataclass
class RequestHandler:
    """Everything that the routes share."""

    settings: ServerSettings
    registry: Registry
    prompts: Prompts
    thread: EngineThread
    metrics: ServerMetrics
    clock: Clock
    # Rendering and tokenizing a long prompt takes time: a thread does it, not the event loop.
    _executor: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="prompts")
    )
    _ignored: IgnoredFields = field(default_factory=IgnoredFields)
    _numbers: "count[int]" = field(default_factory=count)

    async def fields(self, request: Request, kind: type[Body]) -> Body:
        """Return the fields of a request's body; unknown ones are noted.

        Raises:
            RequestRefused: it cannot be read, or describes no request.
        """
        body = await read_json(request, self.settings.max_body_bytes, self.settings.body_s)
        found = validated(kind, body)
        self._ignored.report(notes_of(request.scope), found.ignored)
        return found.fields

    async def answer(
        self, request: Request, generation: GenerationRequest, shape: ResponseFormat
    ) -> Response:
        """Return the answer, at once or as a stream.

        Raises:
            RequestRefused: there is no answer.
            ClientDisconnect: the client has disconnected.
        """
        began_s = self.clock.monotonic_s()
        subject = self.registry.find(generation.model, generation.prefix)
        loop = asyncio.get_running_loop()
        prompt = await loop.run_in_executor(self._executor, generation.prompt_of, subject)
        most = room_for(
            subject, prompt, generation.choices.requested_tokens, self.settings.max_tokens
        )
        sampling = generation.choices.sampling(most)
        work = GenerationJob(
            next(self._numbers), subject, prompt, sampling, generation.tools, generation.one_call
        )
        created_s = int(self.clock.now().timestamp())
        frame = Frame(uuid4().hex, created_s, subject, len(prompt))
        events = self._events(work, request.receive, began_s)
        if generation.choices.stream:
            first = await anext(events)
            if isinstance(first, RequestError):
                await events.aclose()
                raise RequestRefused(first)
            return EventStream(first, events, frame, shape, generation.counts_usage)
        async with aclosing(events):
            parts = await _whole(events)
        return Response(json_bytes(shape.whole(frame, parts)), media_type="application/json")

    async def _events(
        self, work: GenerationJob, receive: Receive, began_s: float
    ) -> AsyncGenerator[Event, None]:
        """Yield an answer's events up to its end; abandon it when the client disconnects."""
        answer_queue = _AnswerQueue(asyncio.get_running_loop())
        trouble = self.thread.submit(work, answer_queue.put)
        if trouble is not None:
            raise RequestRefused(trouble)
        disconnect_watch = asyncio.create_task(_watch_disconnect(receive, answer_queue))
        end, tokens, started = "left", 0, False
        try:
            while (event := await answer_queue.take()) is not None:
                if isinstance(event, RequestError):
                    end = event.code
                else:
                    tokens = event.tokens
                    end = event.finish or "left"
                    if not started:
                        self.metrics.first_token(self.clock.monotonic_s() - began_s)
                        started = True
                yield event
                if end != "left":
                    return
        finally:
            disconnect_watch.cancel()
            if end == "left":
                self.thread.leave(work.number)
            self.metrics.answer(work.subject.version, end, len(work.prompt), tokens)


class ClientGone(Exception):
    """The client disconnected before its answer was complete."""


class _AnswerQueue:
    """Events from the engine's thread to the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()

    def put(self, event: Event) -> None:
        """Add one event, from any thread."""
        # The loop may have ended: then there is no client left.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._events.put_nowait, event)

    def disconnect(self) -> None:
        """Report that the client has disconnected."""
        self._events.put_nowait(None)

    async def take(self) -> Event | None:
        """Return the next event; None where the client has disconnected."""
        return await self._events.get()


async def _watch_disconnect(receive: Receive, answer_queue: _AnswerQueue) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    answer_queue.disconnect()


async def _whole(events: AsyncIterator[Event]) -> AnswerParts:
    parts: list[str] = []
    async for event in events:
        if isinstance(event, RequestError):
            raise RequestRefused(event)
        parts.append(event.text)
        if event.finish is not None:
            return AnswerParts("".join(parts), event.tokens, event.finish, event.calls)
    raise ClientGone
