"""Streams an answer as server-sent events."""

from collections.abc import AsyncGenerator, AsyncIterator

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from daemon.core.records import JsonObject
from daemon.serving.errors import error_record
from daemon.serving.generation import AnswerDelta, Event, RequestError
from daemon.serving.response_formats import Frame, ResponseFormat, json_bytes

DONE = b"data: [DONE]\n\n"


class EventStream(Response):
    """Sends each delta as it comes; an error on the way is the last event."""

    media_type = "text/event-stream"

    def __init__(
        self,
        first: Event,
        rest: AsyncGenerator[Event, None],
        frame: Frame,
        shape: ResponseFormat,
        counts_usage: bool,
    ) -> None:
        """`rest` is closed when the stream ends, however it ends."""
        super().__init__(headers={"X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._first = first
        self._rest = rest
        self._frame = frame
        self._shape = shape
        self._counts_usage = counts_usage

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream."""
        try:
            await send(
                {
                    "type": "http.response.start",
                    "status": self.status_code,
                    "headers": self.raw_headers,
                }
            )
            async for data in self._parts():
                await send({"type": "http.response.body", "body": data, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            await self._rest.aclose()

    async def _parts(self) -> AsyncIterator[bytes]:
        yield _events(self._shape.opening(self._frame))
        yield self._event_data(self._first)
        tokens, last = _tokens(self._first), self._first
        if _is_open(last):
            async for last in self._rest:
                tokens = _tokens(last)
                yield self._event_data(last)
        if isinstance(last, AnswerDelta) and last.finish is not None:
            if self._counts_usage:
                yield _events([self._shape.usage(self._frame, tokens)])
            yield DONE

    def _event_data(self, event: Event) -> bytes:
        if isinstance(event, RequestError):
            return _events([error_record(event)])
        return _events(self._shape.delta(self._frame, event))


def _is_open(event: Event) -> bool:
    return isinstance(event, AnswerDelta) and event.finish is None


def _tokens(event: Event) -> int:
    return event.tokens if isinstance(event, AnswerDelta) else 0


def _events(records: list[JsonObject]) -> bytes:
    return b"".join(b"data: " + json_bytes(record) + b"\n\n" for record in records)
