"""Requests that are almost good, and hostile ones, over real connections: no 500 and no hang.

Hypothesis makes them. Knows nothing of what a right answer says.
"""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hypothesis import strategies as st

from daemon.clock import SystemClock
from daemon.layout import Layout
from daemon.serving import connection
from daemon.serving.rehearsal import RehearsalEngine
from tests.drawing import drawn
from tests.reliability.fuzz import SPICE, values
from tests.serving.house import Served, make_models, serving, wait_for

HI = [{"role": "user", "content": "hi"}]
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
GOOD: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/generate", {"prompt": "hi", "system": "s", "stop": ["x"], "prefix": "none"}),
    ("/generate", {"prompt": "hi", "temperature": 0.5, "top_p": 0.9, "seed": 1, "max_tokens": 3}),
    ("/v1/completions", {"model": "base", "prompt": "hi", "max_tokens": 3, "echo": False}),
    ("/v1/completions", {"model": "current", "prompt": ["hi"], "stream": True, "n": 1}),
    (
        "/v1/chat/completions",
        {
            "model": "current",
            "messages": HI,
            "stream": True,
            "stream_options": {"include_usage": True},
        },
    ),
    (
        "/v1/chat/completions",
        {
            "model": "base",
            "messages": HI,
            "tools": [TOOL],
            "tool_choice": "none",
            "parallel_tool_calls": True,
        },
    ),
    (
        "/v1/chat/completions",
        {
            "model": "current",
            "max_completion_tokens": 2,
            "messages": [
                *HI,
                {"role": "assistant", "content": None, "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "t"}]},
            ],
        },
    ),
)
ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    2**31,
    2**63,
    2**64,
    10**30,
    1e308,
    -0.0,
    0.1,
    "",
    "\0",
    "\ud800",
    "x" * 300,
    "x" * 9000,
    "<|im_end|>",
    "{{ 7 }}",
    "../base",
    "current\n",
    [],
    {},
    [[]],
    ["x"] * 17,
    [""],
    [TOOL] * 129,
    [{"type": "function"}],
    [TOOL | {"x": 1}],
    [{"role": "user"}],
    HI * 2001,
    {"type": "text"},
    {"include_usage": 1},
    {"": None},
    [None],
    [CALL],
    float("nan"),
    float("inf"),
)
MORE_SPICE = (b"[" * 5000, b'{"a":' * 5000, b'"prompt":"again",', b'"messages":[],', b"1e9999")
ENCODINGS = ("utf-16", "utf-32", "utf-8-sig", "utf-16-be", "cp037")
METHODS = (
    "GET",
    "POST",
    "PUT",
    "DELETE",
    "HEAD",
    "OPTIONS",
    "TRACE",
    "CONNECT",
    "PATCH",
    "get",
    "G\x00T",
    "POST POST",
    "",
    "X" * 300,
)
PATHS = (
    "/",
    "/generate",
    "/v1/models",
    "/v1/models/current",
    "/v1/models/../../etc",
    "/v1/models/%00",
    "/v1/models/%ff",
    "/v1/chat/completions",
    "/healthz",
    "/readyz",
    "/metrics",
    "/dashboard",
    "/dashboard/state",
    "//",
    "*",
    "http://evil.example/generate",
    "/generate?x=%zz",
    "/%2e%2e/x",
    "/generate#x",
    "/generate/",
    "/v1/models/" + "a/" * 500,
    "/" + "x" * 20_000,
    "/\x01",
    "x",
)
NAMES = (
    "Host",
    "Origin",
    "Sec-Fetch-Site",
    "Content-Type",
    "Content-Length",
    "Content-Encoding",
    "Transfer-Encoding",
    "Authorization",
    "Connection",
    "Expect",
    "Upgrade",
    "Accept",
    "Range",
    "Accept-Encoding",
    "If-None-Match",
    "X",
    "X Y",
    "Cookie",
    "Trailer",
    "TE",
)
WORDS = (
    "",
    "0",
    "-1",
    "1",
    "99999999999999999999",
    "1, 2",
    "chunked",
    "gzip",
    "identity, chunked",
    "close",
    "keep-alive",
    "100-continue",
    "websocket",
    "null",
    "http://evil.example",
    "cross-site",
    "none",
    "application/json",
    "text/plain",
    "application/json; charset=utf-16",
    "Bearer x",
    "Bearer \xe9",
    "localhost",
    "\xff",
    "a" * 9000,
    "a\x00b",
    "*/*",
    "bytes=0-",
)
BODIES = (b"", b'{"prompt": "hi"}', b"5\r\nhello\r\n0\r\n\r\n", b"\xff" * 99)
ENDS = ("HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/1.1 x", "")
SLOW_S = 1.0
"""For what never comes whole; long enough for a busy machine to take in what does."""

CAUGHT = ("internal_error", "generation_failed", "model_died")
"""Errors that the server counts as its own; a stream that has begun shows no status for them."""


@st.composite
def almost_good(draw: st.DrawFn) -> tuple[str, bytes]:
    """Return a path and a good body with one thing changed."""
    path, usual = draw(st.sampled_from(GOOD))
    body = copy.deepcopy(usual)
    way = draw(st.sampled_from(("value", "value", "bytes", "encoding", "twice", "field")))
    if way == "value":
        holder = draw(st.sampled_from(list(_holders(body))))
        keys = sorted(holder) if isinstance(holder, dict) else list(range(len(holder)))
        holder[draw(st.sampled_from(keys))] = draw(st.sampled_from(ODD) | values())
    elif way == "field":
        fields = sorted({field for _, other in GOOD for field in other} | {"logprobs", "user", "x"})
        body[draw(st.sampled_from(fields))] = draw(st.sampled_from(ODD) | values())
    data = json.dumps(body).encode()
    if way == "bytes":
        at, gone = draw(st.integers(0, len(data) - 1)), draw(st.integers(0, 8))
        data = data[:at] + draw(st.sampled_from((b"", *SPICE, *MORE_SPICE))) + data[at + gone :]
    elif way == "encoding":
        data = data.decode().replace("hi", "h\xef").encode(draw(st.sampled_from(ENCODINGS)))
    elif way == "twice":
        key = draw(st.sampled_from(sorted(body)))
        data = data[:-1] + f', "{key}": {json.dumps(body[key])}}}'.encode()
    return path, data


def _holders(value: Any) -> Iterator[Any]:
    """Give every object and list that holds something."""
    if isinstance(value, dict | list) and value:
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _holders(inner)


@st.composite
def hostile(draw: st.DrawFn, host: str) -> bytes:
    """Return a request whose method, path, version, headers and body may be anything."""
    # Most lines are right: what the HTTP parser refuses never comes to the application.
    method = draw(st.sampled_from(("GET", "POST")) | st.sampled_from(METHODS))
    path = draw(st.sampled_from(PATHS) | st.text(max_size=12))
    headers = draw(
        st.lists(
            st.tuples(
                st.sampled_from(NAMES),
                st.sampled_from((host, f"http://{host}", *WORDS)) | st.text(max_size=9),
            ),
            max_size=4,
        )
    )
    if draw(st.booleans()):
        headers.append(("Host", host))
    body = draw(st.sampled_from(BODIES))
    if draw(st.booleans()):
        headers += [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    line = f"{method} {path} {draw(st.just(ENDS[0]) | st.sampled_from(ENDS))}"
    lines = [line, *(f"{name}: {value}" for name, value in headers), "Connection: close"]
    end = draw(st.sampled_from(("\r\n", "\r\n", "\r\n", "\n")))
    return (end.join(lines) + end * 2).encode("utf-8", "surrogatepass") + body


def survives(root: Path, number: int, examples: int) -> list[str]:
    """Return what is wrong after so many requests drawn by a seed."""
    layout = Layout(root)
    make_models(layout)
    engine = RehearsalEngine(SystemClock(), 0.0)
    with (
        patch.object(connection, "HEAD_S", SLOW_S),
        serving(layout, engine, body_s=SLOW_S, max_tokens=16) as served,
    ):
        return [*_answered(served, number, examples), *afterwards(served)]


def _answered(served: Served, number: int, examples: int) -> list[str]:
    def every(request: tuple[str, bytes] | bytes) -> None:
        if isinstance(request, bytes):
            assert status(served, request) not in (500, 502, 504), request
        else:
            reply = served.ask("POST", request[0], request[1])
            assert reply.status in (200, 400, 404, 413, 422), request

    return drawn(number, examples, almost_good() | hostile(served.host), every)


def status(served: Served, request: bytes) -> int | None:
    """Return the status of the last answer; None where the connection just ends.

    Raises:
        TimeoutError: it does not end.
    """
    try:
        answer = served.raw(request)
    except (ConnectionResetError, BrokenPipeError):
        return None
    first = answer.split(b"\r\n", 1)[0].split()
    return int(first[1]) if len(first) > 1 else None


def afterwards(served: Served) -> list[str]:
    """Return what is wrong with the server when all have gone."""
    found = []
    try:
        wait_for(lambda: served.handler.thread.busy == (0, 0), "answers are still in the making")
        wait_for(lambda: not served.server.server_state.connections, "connections stayed")
        wait_for(lambda: not served.server.server_state.tasks, "requests stayed")
    except AssertionError as error:
        found.append(str(error))
    text = served.ask("GET", "/metrics").body.decode()
    found += [f"the server counts {code}" for code in CAUGHT if f'code="{code}"' in text]
    if served.ask("POST", "/generate", {"prompt": "hi"}).status != 200:
        found.append("it answers no more")
    return found
