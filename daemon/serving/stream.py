"""Streams an answer as server-sent events."""

from collections.abc import AsyncGenerator, AsyncIterator

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from daemon.core.records import JsonObject
from daemon.serving.answer_events import Indexed, Nothing
from daemon.serving.errors import json_bytes
from daemon.serving.generation import RequestError
from daemon.serving.response_formats import Frame, ResponseFormat

DONE = b"data: [DONE]\n\n"
COMMENT = b": still at work\n\n"
"""What clients skip; it shows them, and the proxies between, that the stream is alive."""


class EventStream(Response):
    """Sends each delta as it comes; an error on the way is the last event."""

    media_type = "text/event-stream"

    def __init__(
        self,
        first: Indexed | Nothing,
        rest: AsyncGenerator[Indexed | Nothing, None],
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
        yield self._encoded(self._shape.opening(self._frame))
        tokens: dict[int, int] = {}
        ended = 0
        async for item in self._items():
            if isinstance(item, Nothing):
                yield COMMENT
                continue
            index, event = item
            if isinstance(event, RequestError):
                yield self._encoded(self._shape.error(self._frame, event))
                return
            tokens[index] = event.tokens
            ended += event.finish is not None
            if data := self._encoded(self._shape.delta(self._frame, index, event)):
                yield data
        if ended == self._frame.answers:
            yield self._encoded(self._shape.closing(self._frame))
            if self._counts_usage:
                yield self._encoded(self._shape.usage(self._frame, sum(tokens.values())))
            if not self._shape.named_events:
                yield DONE

    async def _items(self) -> AsyncIterator[Indexed | Nothing]:
        yield self._first
        async for item in self._rest:
            yield item

    def _encoded(self, records: list[JsonObject]) -> bytes:
        return b"".join(self._event(record) for record in records)

    def _event(self, record: JsonObject) -> bytes:
        name = f"event: {record['type']}\n".encode() if self._shape.named_events else b""
        return name + b"data: " + json_bytes(record) + b"\n\n"
