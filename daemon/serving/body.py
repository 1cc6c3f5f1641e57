"""Reads a request's body within its limits of size and time, and parses it as strict JSON."""

import asyncio
import json
from typing import Any

import orjson
from starlette.requests import Request

from daemon.core.records import JsonObject
from daemon.serving.generation import RequestRefused, refused
from daemon.serving.guard import too_large


async def read_json(request: Request, max_bytes: int, seconds: float) -> Any:
    """Return the value of a body.

    Raises:
        RequestRefused: it is too large (413), too slow (408), or not strict JSON (400).
        ClientDisconnect: the client has disconnected.
    """
    try:
        async with asyncio.timeout(seconds):
            data = await _read(request, max_bytes)
    except TimeoutError as error:
        message = f"the body must come within {seconds:.0f} s (server.body_s)"
        raise refused(408, "body_too_slow", message) from error
    return strict_json(data)


async def _read(request: Request, max_bytes: int) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > max_bytes:
            raise RequestRefused(too_large(max_bytes))
        parts.append(part)
    return b"".join(parts)


def strict_json(data: bytes) -> Any:
    """Return the value of a JSON text.

    Raises:
        RequestRefused: it is not UTF-8 or not JSON; NaN, lone surrogates, duplicate keys and
            bottomless nesting are refused too.
    """
    try:
        # orjson is the strict one, but of duplicate keys it silently takes the last.
        value = orjson.loads(data)
        json.loads(data, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise refused(400, "bad_json", "the body is not strict JSON in UTF-8") from error
    return value


def _once(pairs: list[tuple[str, Any]]) -> JsonObject:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key comes twice")
    return found
