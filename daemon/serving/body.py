"""Reads a request's body within its limits of size and time, and parses it as strict JSON."""

import asyncio
import codecs
import json
from collections import Counter
from typing import Any

import orjson
from starlette.requests import Request

from daemon.core.records import JsonObject
from daemon.core.workspace.jobs import escape
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
    """Return the value of a JSON text; a byte order mark before it is no fault.

    Raises:
        RequestRefused: it is not UTF-8 or not JSON, with the place and the reason; NaN, lone
            surrogates, duplicate keys and bottomless nesting are refused too.
    """
    data = data.removeprefix(codecs.BOM_UTF8)
    if not data.strip():
        raise refused(400, "bad_json", "the body is empty: send a JSON object")
    try:
        # orjson is the strict one, but of duplicate keys it silently takes the last.
        value = orjson.loads(data)
        json.loads(data, object_pairs_hook=_once)
    except RecursionError as error:
        raise refused(400, "bad_json", "the body is not JSON: it is nested too deep") from error
    except ValueError as error:
        raise refused(400, "bad_json", f"the body is not JSON: {_fault(data, error)}") from error
    return value


def _fault(data: bytes, error: ValueError) -> str:
    try:
        data.decode()
    except UnicodeDecodeError as wrong:
        return f"byte {wrong.start + 1} is no UTF-8"
    if isinstance(error, json.JSONDecodeError):
        return f"line {error.lineno}, column {error.colno}: {error.msg}"
    return str(error)


def _once(pairs: list[tuple[str, Any]]) -> JsonObject:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for name, times in Counter(key for key, _ in pairs).items() if times > 1)
        raise ValueError(f"the key {json.dumps(escape(twice, 60))} stands in one object twice")
    return found
