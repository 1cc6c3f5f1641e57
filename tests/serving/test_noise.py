"""Strict about wishes, easy about noise: what clients send by habit, and what they really want."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daemon.clock import SystemClock
from daemon.layout import Layout
from daemon.serving.api.request_notes import client_name, listed
from daemon.serving.generation import GenerationJob
from daemon.serving.rehearsal import RehearsalEngine
from tests.serving.house import Reply, Served, make_models, serving

HI = {"role": "user", "content": "hi"}
CHAT = {"model": "current", "messages": [HI]}
IGNORED = "x-finetuned-ignored"
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
AGENT = {"User-Agent": "Kiosk/2.1 (x)"}


class Noting(RehearsalEngine):
    """Keeps what it is asked."""

    last: GenerationJob

    def begin(self, work: GenerationJob) -> None:
        self.last = work
        super().begin(work)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    layout = Layout(tmp_path_factory.mktemp("w"))
    make_models(layout)
    with serving(layout, Noting(SystemClock(), 0.0)) as found:
        yield found


def chat(served: Served, change: dict[str, Any]) -> Reply:
    return served.ask("POST", "/v1/chat/completions", CHAT | change)


def asked(served: Served) -> GenerationJob:
    assert isinstance(served.engine, Noting)
    return served.engine.last


@pytest.mark.parametrize(
    "change",
    [
        {"frequency_penalty": 0},
        {"presence_penalty": 0.0},
        {"repetition_penalty": 1.0},
        {"repeat_penalty": 1},
        {"typical_p": 1.0},
        {"logit_bias": {}},
        {"logit_bias": None},
        {"functions": []},
        {"function_call": "auto"},
        {"tools": []},
        {"tools": None, "tool_choice": "none"},
        {"modalities": ["text"]},
        {"audio": None},
        {"prediction": None},
        {"draft_model": None},
        {"use_beam_search": False},
        {"continue_final_message": False},
        {"add_generation_prompt": True},
        {"stop_token_ids": []},
        {"min_tokens": 0},
        {"ignore_eos": False},
        {"response_format": None},
        {"response_format": {"type": "text"}},
        {"stream": None, "stream_options": None},
        {"stream_options": {"include_usage": None}},
        {"max_tokens": None, "max_completion_tokens": None},
        {"temperature": None, "top_p": None, "seed": None, "stop": None, "n": None},
        {"user": "u", "metadata": {"a": "b"}, "store": False, "service_tier": "auto"},
        {"prompt_cache_key": "k", "prompt_cache_retention": "24h", "safety_identifier": "s"},
        {"min_p": 0.05, "top_k": -1},
        {"messages": [HI | {"name": "bob"}]},
        {"messages": [HI, {"role": "assistant", "content": None, "tool_calls": None}, HI]},
        {"messages": [HI, {"role": "assistant", "content": None}, HI]},
        {"messages": [{"role": "user", "content": []}]},
        {"messages": [HI | {"reasoning_content": None, "annotations": []}]},
    ],
)
def test_null_and_neutral_fields_are_no_wish(served: Served, change: dict[str, Any]) -> None:
    """Many were refused by name, null ones too."""
    reply = chat(served, change)
    assert reply.status == 200, reply.body
    assert IGNORED not in reply.headers


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"verbosity": "low"}, "verbosity"),
        ({"reasoning_effort": "low"}, "reasoning_effort"),
        ({"reasoning": {"effort": "low"}}, "reasoning"),
        ({"keep_alive": "5m", "num_ctx": 4096}, "keep_alive, num_ctx"),
        ({"chat_template_kwargs": {"enable_thinking": False}}, "chat_template_kwargs"),
        ({"provider": {"order": ["a"]}}, "provider"),
        ({"thinking": {"type": "disabled"}}, "thinking"),
        ({"id": "chatcmpl-1"}, "id"),
        ({"temprature": 1}, "temprature"),
        ({"messages": [HI | {"reasoning_content": "hm", "id": "1"}]}, "messages[0].id"),
        ({"messages": [HI | {"timestamp": 5}]}, "messages[0].timestamp"),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "a", "b": 1}]}]},
            "messages[0].content[0].b",
        ),
        ({"a\r\nSet-Cookie: x": 1}, "a\\u000d\\u000aSet-Cookie: x"),
        ({"naïve": 1}, "na\\xefve"),
    ],
)
def test_unknown_fields_are_ignored_and_named_in_the_head_of_the_answer(
    served: Served, change: dict[str, Any], names: str
) -> None:
    reply = chat(served, change)
    assert reply.status == 200, reply.body
    assert names in reply.headers[IGNORED] and "set-cookie" not in reply.headers


@pytest.mark.parametrize(
    ("change", "field", "word"),
    [
        ({"logit_bias": {"5": 1}}, "logit_bias", "bias"),
        ({"frequency_penalty": 0.5}, "frequency_penalty", "penalties"),
        ({"presence_penalty": True}, "presence_penalty", "penalties"),
        ({"repetition_penalty": 1.1}, "repetition_penalty", "must be 1"),
        ({"typical_p": 0.9}, "typical_p", "sampling"),
        ({"stop_token_ids": [2]}, "stop_token_ids", "stop"),
        ({"use_beam_search": True}, "use_beam_search", "beam"),
        ({"continue_final_message": True}, "continue_final_message", "turn"),
        ({"modalities": ["text", "audio"]}, "modalities", "text"),
        ({"functions": [{"name": "f"}]}, "functions", "tools"),
        ({"guided_regex": "a+"}, "guided_regex", "form"),
        ({"web_search_options": {}}, "web_search_options", "nothing is looked up"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            "messages[0].content[0].type",
            "pictures",
        ),
        (
            {"messages": [HI, {"role": "user", "content": [{"type": "input_audio"}]}]},
            "messages[1].content[0].type",
            "sound",
        ),
        ({"messages": [HI | {"role": "User"}]}, "messages[0].role", "'user'"),
        ({"messages": [HI | {"audio": {"id": "a"}}]}, "messages[0].audio", "text"),
        ({"temperature": "0.7"}, "temperature", "a number"),
        ({"seed": 1.5}, "seed", "whole"),
        (
            {"messages": [HI, {"role": "assistant", "function_call": {"name": "f"}}]},
            "messages[1].function_call",
            "tool_calls",
        ),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type", "'function'"),
    ],
)
def test_a_wish_that_cannot_be_granted_is_refused_in_a_sentence_that_names_it(
    served: Served, change: dict[str, Any], field: str, word: str
) -> None:
    reply = chat(served, change)
    told = reply.json()["error"]
    assert reply.status == 400 and told["type"] == "invalid_request_error"
    assert told["param"] == field and field in told["message"] and word in told["message"]


@pytest.mark.parametrize(
    ("limit", "tokens"),
    [(1_000_000, None), (-1, None), (10**30, None), (8.0, 8), (3, 3), (None, 256)],
)
def test_a_limit_beyond_the_room_is_cut_to_it(
    served: Served, limit: float | None, tokens: int | None
) -> None:
    """A client that always sends the whole context was refused at its first word."""
    for name in ("max_tokens", "max_completion_tokens"):
        assert chat(served, {name: limit}).status == 200
        work = asked(served)
        room = work.subject.context_tokens - len(work.prompt)
        assert work.sampling.max_tokens == (room if tokens is None else tokens)


def test_top_p_0_takes_the_likeliest_word(served: Served) -> None:
    assert chat(served, {"top_p": 0, "temperature": 1.5}).status == 200
    assert asked(served).sampling.temperature == 0 and asked(served).sampling.top_p == 1


def test_a_prompt_that_is_too_long_is_told_in_the_words_that_clients_look_for(
    served: Served,
) -> None:
    for path, body in (
        ("/v1/chat/completions", {"messages": [HI | {"content": "x " * 9000}]}),
        ("/v1/completions", {"prompt": "x " * 9000}),
        ("/generate", {"prompt": "x " * 9000}),
    ):
        reply = served.ask("POST", path, body)
        told = reply.json()["error"]
        assert reply.status == 400 and told["code"] == "context_length_exceeded"
        assert "maximum context length is " in told["message"] and "tokens" in told["message"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"model":"current",}', "line 1, column 19: trailing comma"),
        (b'{\n  "model": current}', "line 2, column 12: "),
        (b"{'model': 'current'}", "line 1, column 2: "),
        (b'{"a": 1, "b": {"c": 1, "c": 2}}', 'the key "c" stands in one object twice'),
        (b'{"a": "\\ud83d"}', "surrogate"),
        (b'{"a": 1e400}', "infinity"),
        (b'{"a": "\xff"}', "byte 8 is no UTF-8"),
        (b"", "empty"),
        (b" \r\n", "empty"),
        (b'{"a": 1} {"b": 2}', "line 1, column 10"),
        (b"[" * 100_000, "depth"),
    ],
)
def test_what_is_no_json_is_told_with_the_place_and_the_reason(
    served: Served, body: bytes, reason: str
) -> None:
    """All of them were `no strict JSON in UTF-8`."""
    reply = served.ask("POST", "/v1/chat/completions", body)
    told = reply.json()["error"]
    assert reply.status == 400 and told["code"] == "bad_json" and reason in told["message"]


def test_a_byte_order_mark_is_no_fault(served: Served) -> None:
    data = b"\xef\xbb\xbf" + json.dumps(CHAT).encode()
    assert served.ask("POST", "/v1/chat/completions", data).status == 200


def test_a_body_that_is_no_object_is_told_so(served: Served) -> None:
    reply = served.ask("POST", "/v1/chat/completions", [CHAT])
    assert reply.status == 400 and "object" in reply.json()["error"]["message"]


def test_a_conversation_may_have_any_order_and_empty_turns(served: Served) -> None:
    system = {"role": "system", "content": "Be brief."}
    said = {"role": "assistant", "content": "Hello!"}
    result = {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "t"}]}
    called = {"role": "assistant", "content": None, "tool_calls": [CALL | {"index": 0}]}
    as_object = {"function": {"name": "f", "arguments": {"a": 1}}}
    for messages in (
        [system],
        [said, HI],
        [HI, system],
        [HI, HI],
        [HI, called, result],
        [HI, {"role": "assistant", "tool_calls": [as_object]}, result],
        [{"role": "developer", "content": "Be brief."}, HI],
        [{"role": "user", "content": ""}],
        [{"role": "user", "content": [{"type": "input_text", "text": "hi"}]}],
    ):
        reply = chat(served, {"messages": messages})
        assert reply.status == 200, (messages, reply.body)


def test_ids_are_as_openai_writes_them_and_every_answer_has_a_number(served: Served) -> None:
    first, second = chat(served, {}), chat(served, {})
    assert first.json()["id"].startswith("chatcmpl-")
    text = served.ask("POST", "/v1/completions", {"prompt": "hi"})
    assert text.json()["id"].startswith("cmpl-")
    refused = served.ask("GET", "/no/such")
    ids = {reply.headers["x-request-id"] for reply in (first, second, text, refused)}
    assert len(ids) == 4 and all(one.startswith("req_") for one in ids)
    foreign = served.ask("GET", "/healthz", headers={"Host": "evil.example"})
    assert foreign.headers["x-request-id"]


def test_ignored_fields_are_logged_once_a_client_and_never_with_what_they_hold(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layout = Layout(tmp_path)
    make_models(layout)
    with serving(layout, RehearsalEngine(SystemClock(), 0.0)) as served:
        for _ in range(3):
            body = CHAT | {"verbosity": "a-secret-word"}
            assert served.ask("POST", "/v1/chat/completions", body, AGENT).status == 200
        served.ask("POST", "/v1/chat/completions", CHAT | {"verbosity": "x"}, {"User-Agent": "B"})
    told = capsys.readouterr().err.splitlines()
    assert told == [
        "Kiosk/2.1 sends fields that are ignored: verbosity",
        "B sends fields that are ignored: verbosity",
    ]


def test_names_of_clients_and_fields_are_short_plain_text() -> None:
    assert client_name(b"") == "unnamed" and client_name(b"OpenAI/Python 3.1") == "OpenAI/Python"
    assert client_name(b"\x1b[31m" + b"x" * 500).startswith("\\u001b[31mx")
    assert len(client_name(b"x" * 500)) <= 50
    assert listed(["a"] * 25).endswith("a and 5 more") and len(listed(["ü" * 500] * 500)) < 8000
