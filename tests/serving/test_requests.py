"""Requests as clients and attackers write them: never a 500 for a bad one."""

import json
from typing import Any

import pytest

from tests.serving.house import Served, events, wait_for

CHAT = {"model": "current", "messages": [{"role": "user", "content": "hi"}]}


def test_curl_as_it_is_typed_gets_an_answer(rehearsed: Served) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    reply = rehearsed.ask("POST", "/generate", {"prompt": "hi", "temperature": 0}, headers)
    assert reply.status == 200
    assert reply.json()["version"] == "v000000" and reply.json()["tokens"] == 4
    assert reply.json()["text"].startswith("v000000 rehearses")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe{\x00}\x00",
        b'{"prompt":NaN}',
        b'{"prompt":Infinity}',
        b'{"prompt":"\\ud800"}',
        b'{"prompt":"a","prompt":"b"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"prompt":"a"} x',
        b"{'prompt': 'a'}",
        b'{"prompt":"a",}',
        b'{"prompt":"\x00"}',
        b"\xef\xbb\xbf{",
        b"\xef\xbb\xbf",
        b'{"seed":' + b"9" * 5000 + b"}",
    ],
)
def test_what_is_no_strict_json_is_a_400(rehearsed: Served, body: bytes) -> None:
    """Fault A4."""
    for path in ("/generate", "/v1/chat/completions"):
        assert rehearsed.ask("POST", path, body).status == 400


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"max_tokens": -2}, "max_tokens"),
        ({"max_tokens": "7"}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 7.5}, "max_tokens"),
        ({"max_completion_tokens": 0}, "max_completion_tokens"),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": "1"}, "temperature"),
        ({"top_p": -0.1}, "top_p"),
        ({"n": 10**6}, "n"),
        ({"stop": ["x"] * 17}, "stop"),
        ({"stop": ""}, "stop"),
        ({"stop": ["a", ""]}, "stop[1]"),
        ({"stop": [["a"]]}, "stop[0]"),
        ({"seed": 2**63}, "seed"),
        ({"model": 7}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": None}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": ["hi"]}, "messages[0]"),
        ({"messages": [{"role": "god", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0]"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [5]}]}, "messages[0].content[0]"),
        ({"stream": "yes"}, "stream"),
        ({"presence_penalty": 0.5}, "presence_penalty"),
        ({"tools": [{}]}, "tools[0].type"),
        ({"response_format": {"type": "no-such"}}, "response_format.type"),
        ({"messages": [{"role": "user", "content": "x" * 9000}]}, "prompt"),
        ({"prefix": "no-such"}, "prefix"),
        ({"prefix": 1}, "prefix"),
    ],
)
def test_a_parameter_out_of_range_is_a_400_that_names_it(
    rehearsed: Served, change: dict[str, Any], field: str
) -> None:
    """Fault A5; pydantic's words and places were told, some of them false."""
    reply = rehearsed.ask("POST", "/v1/chat/completions", CHAT | change)
    told = reply.json()["error"]
    assert reply.status == 400 and told["param"] == field
    if field != "prefix" or change["prefix"] == 1:
        assert field in told["message"]
    for strange in ("Input should", "Value error", "Extra inputs", "Field required"):
        assert strange not in told["message"]


def test_a_field_of_our_own_route_that_cannot_be_used_is_a_422(rehearsed: Served) -> None:
    for change, field in (({"temperature": 3}, "temperature"), ({"prompt": ""}, "prompt")):
        reply = rehearsed.ask("POST", "/generate", {"prompt": "hi"} | change)
        assert reply.status == 422 and reply.json()["error"]["param"] == field


@pytest.mark.parametrize(
    "model",
    [
        "../base",
        "v000001/../v000000",
        "/etc/passwd",
        "%2e%2e",
        "current\x00",
        "\u2025/base",
        "",
        "rehearsal-tiny@v000009",
        "rehearsal-tiny@../v000000",
        "CURRENT",
        " current",
    ],
)
def test_a_model_is_found_by_its_id_or_not_at_all(rehearsed: Served, model: str) -> None:
    """Fault A9."""
    reply = rehearsed.ask("POST", "/generate", {"prompt": "x", "model": model})
    assert reply.status == 404 and reply.json()["error"]["code"] == "model_not_found"


def test_paths_lead_nowhere_else(rehearsed: Served) -> None:
    for path in ("/v1/models/..%2f..%2fetc", "/v1/models/%00", "/../x", "//", "/v1/models/a/../b"):
        assert rehearsed.ask("GET", path).status == 404, path
    one = rehearsed.ask("GET", "/v1/models/rehearsal-tiny@v000000")
    assert one.status == 200 and one.json()["id"] == "rehearsal-tiny@v000000"


def test_a_body_over_the_limit_ends_while_it_comes(rehearsed: Served) -> None:
    """Chunked without end, and with a length that says so."""
    head = f"POST /generate HTTP/1.1\r\nHost: {rehearsed.host}\r\nContent-Type: application/json"
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    endless = f"{head}\r\nTransfer-Encoding: chunked\r\n\r\n".encode() + chunk * 17
    assert rehearsed.raw(endless).startswith(b"HTTP/1.1 413")
    announced = f"{head}\r\nContent-Length: 1073741824\r\n\r\n".encode()
    assert rehearsed.raw(announced).startswith(b"HTTP/1.1 413")


def test_a_body_that_never_comes_is_a_408(rehearsed: Served) -> None:
    head = f"POST /generate HTTP/1.1\r\nHost: {rehearsed.host}\r\nContent-Type: application/json"
    assert rehearsed.raw(f"{head}\r\nContent-Length: 9\r\n\r\n{{".encode()).startswith(
        b"HTTP/1.1 408"
    )


def test_what_is_no_http_ends_with_its_connection(rehearsed: Served) -> None:
    for data in (
        b"\x16\x03\x01\x02\x00",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        f"POST /generate HTTP/1.1\r\nHost: {rehearsed.host}\r\nContent-Length: -1\r\n\r\n".encode(),
    ):
        assert rehearsed.raw(data + b"\r\n\r\n").startswith(b"HTTP/1.1 400")
    assert rehearsed.ask("GET", "/healthz").status == 200


def test_a_client_that_leaves_gives_its_place_back_and_forty_leave_nothing(
    rehearsed: Served,
) -> None:
    """Fault A6."""
    body = json.dumps(CHAT | {"temperature": 1, "max_tokens": 8000, "stream": True}).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: {rehearsed.host}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    thread = rehearsed.handler.thread
    for _ in range(40):
        with rehearsed.connect() as line:
            line.sendall(head.encode() + body)
            assert line.recv(15) == b"HTTP/1.1 200 OK"
    wait_for(lambda: thread.busy == (0, 0), "answers went on for clients that had left")
    wait_for(lambda: not rehearsed.server.server_state.connections, "connections stayed")
    wait_for(lambda: not rehearsed.server.server_state.tasks, "requests stayed")
    assert rehearsed.ask("POST", "/generate", {"prompt": "hi"}).status == 200


def test_a_client_that_leaves_before_its_whole_answer_gives_its_place_back(
    rehearsed: Served,
) -> None:
    body = json.dumps({"prompt": "x", "temperature": 1, "max_tokens": 8000}).encode()
    head = f"POST /generate HTTP/1.1\r\nHost: {rehearsed.host}\r\n"
    kind = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    with rehearsed.connect() as line:
        line.sendall((head + kind).encode() + body)
        wait_for(lambda: rehearsed.handler.thread.busy[0] == 1, "it did not begin")
    wait_for(lambda: rehearsed.handler.thread.busy == (0, 0), "it went on")


def test_a_stream_of_generate_names_the_version_first(rehearsed: Served) -> None:
    reply = rehearsed.ask("POST", "/generate", {"prompt": "hi", "stream": True})
    told = events(reply.body)
    assert told[0]["version"] == "v000000" and told[-1] == "[DONE]"
    assert "".join(event.get("text", "") for event in told[:-1]).startswith("v000000 rehearses")
    assert told[-2]["finish_reason"] == "stop" and told[-2]["tokens"] == 4


def test_stop_strings_end_an_answer_before_them(rehearsed: Served) -> None:
    body = {"prompt": "hi", "stop": ["arses", "zzz"]}
    told = rehearsed.ask("POST", "/generate", body).json()
    assert told["text"] == "v000000 rehe" and told["finish_reason"] == "stop"


def test_metrics_say_how_many_and_never_what(rehearsed: Served) -> None:
    """Faults A15 and A16: no prompt, no path, no address."""
    rehearsed.ask("POST", "/generate", {"prompt": "a-secret-word"})
    text = rehearsed.ask("GET", "/metrics").body.decode()
    assert 'finetuned_requests_total{route="generate",status="200"}' in text
    assert 'finetuned_answers_total{end="stop",version="v000000"}' in text
    for secret in ("a-secret-word", str(rehearsed.layout.root), "127.0.0.1"):
        assert secret not in text
