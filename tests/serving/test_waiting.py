"""Leading spaces, half characters, and what a client hears while it waits."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daemon.clock import SystemClock
from daemon.layout import Layout
from daemon.model.loading import load_model
from daemon.serving import answer_events
from daemon.serving.generation import AnswerStep
from daemon.serving.mlx_engine import MlxEngine
from daemon.serving.rehearsal import RehearsalEngine
from daemon.serving.token_texts import TokenTexts, shown
from tests.serving.house import Served, events, make_models, serving, wait_for
from tests.serving.two_versions import two_versions

CHAT = {"messages": [{"role": "user", "content": "hi"}], "stream": True}


class Held(RehearsalEngine):
    """Gives no word before it is let go."""

    def __init__(self) -> None:
        super().__init__(SystemClock(), 0.0)
        self.gate = threading.Event()

    def step(self) -> list[AnswerStep]:
        return super().step() if self.gate.wait(0.01) else []


@pytest.fixture
def held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setattr(answer_events, "FIRST_S", 0.02)
    monkeypatch.setattr(answer_events, "COMMENT_S", 0.02)
    layout = Layout(tmp_path)
    make_models(layout)
    with serving(layout, Held()) as found:
        yield found


def head(served: Served, path: str, body: Any) -> bytes:
    data = json.dumps(body).encode()
    lines = f"POST {path} HTTP/1.1\r\nHost: {served.host}\r\nConnection: close\r\n"
    kind = f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    return (lines + kind).encode() + data


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", CHAT),
        ("/v1/completions", {"prompt": ["a", "b"], "stream": True}),
        ("/v1/responses", {"input": "hi", "stream": True}),
        ("/generate", {"prompt": "hi", "stream": True}),
    ],
)
def test_a_stream_begins_at_once_and_comments_until_the_first_word(
    held: Served, path: str, body: Any
) -> None:
    """Nothing came while a prompt was read, not even a status: clients and proxies gave up."""
    assert isinstance(held.engine, Held)
    with held.connect() as line:
        line.sendall(head(held, path, body))
        seen = b""
        while seen.count(b": still at work\n\n") < 3:
            seen += line.recv(4096)
        assert seen.startswith(b"HTTP/1.1 200") and b"event-stream" in seen
        held.engine.gate.set()
        while part := line.recv(4096):
            seen += part
    assert seen.count(b"data: ") > 3 and seen.endswith(b"0\r\n\r\n")


def test_clients_of_openai_skip_the_comments(held: Served) -> None:
    import openai

    assert isinstance(held.engine, Held)
    threading.Timer(0.2, held.engine.gate.set).start()
    with openai.OpenAI(base_url=f"http://{held.host}/v1", api_key="x", max_retries=0) as client:
        stream = client.chat.completions.create(
            model="current", messages=[{"role": "user", "content": "hi"}], stream=True
        )
        text = "".join(choice.delta.content or "" for chunk in stream for choice in chunk.choices)
    assert text.startswith("v000000 rehearses")


@pytest.mark.parametrize("late", [False, True], ids=["before its head", "after its head"])
def test_a_client_that_leaves_before_the_first_word_is_a_499_and_no_traceback(
    held: Served,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    late: bool,
) -> None:
    """It was a 500, with a traceback in the log."""
    if not late:
        monkeypatch.setattr(answer_events, "FIRST_S", 60)
    with held.connect() as line:
        line.sendall(head(held, "/v1/chat/completions", CHAT))
        if late:
            assert line.recv(12) == b"HTTP/1.1 200"
        else:
            wait_for(lambda: held.handler.thread.busy[0] == 1, "it did not begin")
    wait_for(lambda: held.handler.thread.busy == (0, 0), "it went on")

    def counted() -> bool:
        text = held.handler.metrics.text().decode()
        return 'finetuned_requests_total{route="chat_completions",status="499"} 1.0' in text

    wait_for(counted, "it was not counted as one that left")
    told = held.handler.metrics.text().decode()
    assert 'status="500"' not in told and "internal_error" not in told
    assert capsys.readouterr().err == ""


def test_an_error_that_comes_before_the_head_has_a_status_of_its_own(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    make_models(layout)
    with serving(layout, Held(), at_once=1, waiting=0) as served, served.connect() as line:
        line.sendall(head(served, "/v1/chat/completions", CHAT))
        wait_for(lambda: served.handler.thread.busy[0] == 1, "it did not begin")
        reply = served.ask("POST", "/v1/chat/completions", CHAT)
        assert reply.status == 503 and reply.headers["retry-after"]


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> TokenTexts:
    layout = two_versions(Layout(tmp_path_factory.mktemp("w")))
    _, tokenizer = load_model(layout.base("rehearsal-tiny"))
    return TokenTexts(tokenizer)


def tokens_of(texts: TokenTexts, data: bytes) -> list[int]:
    """Return the tokens of single bytes."""
    table = {texts.data(token): token for token in range(258, -1, -1)}
    return [table[bytes([byte])] for byte in data]


def test_an_answer_goes_on_with_its_prompt_and_keeps_its_leading_space(texts: TokenTexts) -> None:
    """`The capital of France is` was continued by `Paris.` without its space."""
    joined = texts.after(tokens_of(texts, b"is"))
    parts = []
    for token in tokens_of(texts, " Paris 😀".encode()):
        joined.add_token(token)
        parts.append(joined.last_segment)
    assert "".join(parts) == " Paris 😀" and parts[0] == " " and "\ufffd" not in "".join(parts)


def test_half_a_character_is_left_out_at_the_end_and_finished_after_a_prompt(
    texts: TokenTexts,
) -> None:
    """An answer cut in an emoji ended in a replacement character."""
    data = "😀".encode()
    joined = texts.after([])
    for token in tokens_of(texts, b"a" + data[:3]):
        joined.add_token(token)
    joined.finalize()
    assert joined.last_segment == "a"
    after = texts.after(tokens_of(texts, b"a" + data[:3]))
    after.add_token(tokens_of(texts, data[3:])[0])
    assert after.last_segment == "😀"
    assert shown(data[:2]) == "bytes:\\xf0\\x9f" and shown(b"a") == "a"


def test_no_answer_ends_in_half_a_character_whole_or_streamed(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """The tiny models say bytes at random: many an answer is cut in a character."""
    layout = two_versions(Layout(tmp_path_factory.mktemp("w")))
    with serving(layout, MlxEngine(versions=2)) as served:
        for path, body in (
            ("/v1/chat/completions", {"messages": CHAT["messages"]}),
            ("/v1/completions", {"prompt": "ab"}),
        ):
            for seed in range(12):
                asked = body | {"seed": seed, "temperature": 2, "max_tokens": 5, "model": "v1"}
                choice = served.ask("POST", path, asked).json()["choices"][0]
                whole = choice["message"]["content"] if "message" in choice else choice["text"]
                told = events(served.ask("POST", path, asked | {"stream": True}).body)[:-1]
                deltas = [c.get("delta", c) for event in told for c in event["choices"]]
                assert whole == "".join(d.get("content") or d.get("text") or "" for d in deltas)
