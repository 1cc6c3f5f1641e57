"""A model that fails: who waits is told, a fresh one comes, in the end a new process (A10)."""

import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from daemon.clock import SystemClock
from daemon.errors import ExitCode
from daemon.layout import Layout
from daemon.serving.engine_thread import MOST_FAILURES
from daemon.serving.generation import AnswerStep, GenerationJob
from daemon.serving.rehearsal import RehearsalEngine
from tests.serving.house import Served, free_port, make_models, serving, wait_for

ASKED = {"prompt": "x"}
SECRET = "a-secret-word"


class Mortal(RehearsalEngine):
    """Fails where and as often as a test says."""

    def __init__(self) -> None:
        super().__init__(SystemClock(), 0.001)
        self.begins = self.steps = self.unloads = 0
        """How many of the next calls fail."""
        self.allowed = 0
        """Steps that go well before the next failure."""
        self.end: type[BaseException] = RuntimeError

    def begin(self, work: GenerationJob) -> None:
        if self.begins:
            self.begins -= 1
            raise self.end(SECRET)
        super().begin(work)

    def step(self) -> list[AnswerStep]:
        if self.steps and not self.allowed:
            self.steps -= 1
            raise self.end(SECRET)
        self.allowed = max(0, self.allowed - 1)
        return super().step()

    def unload(self) -> None:
        super().unload()
        if self.unloads:
            self.unloads -= 1
            raise self.end(SECRET)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path)
    make_models(made)
    return made


def is_given_up(served: Served) -> bool:
    reply = served.ask("GET", "/readyz")
    return reply.status == 503 and reply.json()["error"]["code"] == "model_died"


def test_an_answer_that_cannot_be_begun_is_told_and_the_next_is_made(layout: Layout) -> None:
    engine = Mortal()
    engine.begins = 1
    with serving(layout, engine) as served:
        assert served.ask("POST", "/generate", ASKED).status == 500
        assert served.ask("POST", "/generate", ASKED).status == 200
        wait_for(lambda: served.handler.thread.busy == (0, 0), "its place is not free")


def test_those_that_wait_when_a_model_fails_are_answered_by_a_fresh_one(layout: Layout) -> None:
    engine = Mortal()
    engine.steps, engine.allowed = 1, 100
    long = ASKED | {"temperature": 1, "max_tokens": 8000}
    with serving(layout, engine, at_once=1) as served, ThreadPoolExecutor(2) as clients:
        first = clients.submit(served.ask, "POST", "/generate", long)
        wait_for(lambda: served.handler.thread.busy[0] == 1, "it did not begin")
        second = clients.submit(served.ask, "POST", "/generate", ASKED)
        wait_for(lambda: served.handler.thread.busy[1] == 1 or second.done(), "it did not come")
        assert first.result().status == 500 and second.result().status == 200


def test_failures_with_answers_in_between_end_nothing(layout: Layout) -> None:
    engine = Mortal()
    with serving(layout, engine) as served:
        for _ in range(MOST_FAILURES + 1):
            engine.steps = 1
            assert served.ask("POST", "/generate", ASKED).status == 500
            assert served.ask("POST", "/generate", ASKED).status == 200
        assert served.ask("GET", "/readyz").status == 200


def test_a_model_that_only_fails_is_given_up_and_everybody_is_told_so(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = Mortal()
    engine.steps = MOST_FAILURES
    with serving(layout, engine) as served:
        for _ in range(MOST_FAILURES):
            assert served.ask("POST", "/generate", ASKED).status == 500
        wait_for(lambda: is_given_up(served), "it goes on")
        assert served.ask("GET", "/healthz").status == 503
        for body in (ASKED, ASKED | {"stream": True}):
            reply = served.ask("POST", "/generate", body)
            assert reply.status == 503 and reply.headers["retry-after"]
            assert "model has died" in reply.json()["error"]["message"]
    assert SECRET not in capsys.readouterr().err


@pytest.mark.parametrize("end", [RuntimeError, SystemExit])
def test_a_thread_that_dies_leaves_nobody_waiting(
    layout: Layout, end: type[BaseException], capsys: pytest.CaptureFixture[str]
) -> None:
    """One that waits for a place too; a model that cannot be given back is never loaded twice."""
    engine = Mortal()
    engine.end, engine.steps, engine.unloads, engine.allowed = end, 1, 1, 100
    long = ASKED | {"temperature": 1, "max_tokens": 8000}
    with serving(layout, engine, at_once=1) as served, ThreadPoolExecutor(2) as clients:
        first = clients.submit(served.ask, "POST", "/generate", long)
        wait_for(lambda: served.handler.thread.busy[0] == 1, "it did not begin")
        second = clients.submit(served.ask, "POST", "/generate", ASKED)
        assert {first.result().status, second.result().status} <= {500, 503}
        assert second.result().status == 503
        wait_for(lambda: is_given_up(served), "it goes on")
    assert SECRET not in capsys.readouterr().err


DYING = """
import sys
from daemon.serving.__main__ import main
from daemon.serving.rehearsal import RehearsalEngine
def fail(self):
    raise RuntimeError("a-secret-word")
RehearsalEngine.step = fail
sys.exit(main())
"""


def test_a_server_whose_model_is_given_up_ends_with_a_code_of_its_own(layout: Layout) -> None:
    """Then whoever started it starts it again, after longer each time."""
    port = free_port()
    layout.settings_file.write_text(f"[server]\nport = {port}\n")
    argv = [sys.executable, "-c", DYING, "--root", str(layout.root), "--rehearse"]
    body = f'{{"prompt": "{SECRET}"}}'.encode()
    request = (
        f"POST /generate HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stderr is not None
        assert b"serving at" in child.stderr.readline()
        for _ in range(MOST_FAILURES):
            with socket.create_connection(("127.0.0.1", port), 20) as line:
                line.sendall(request.encode() + body)
                assert line.recv(12) == b"HTTP/1.1 500"
        assert child.wait(20) == ExitCode.MODEL_DIED
        told = child.stderr.read().decode()
    assert "the model failed again and again" in told and SECRET not in told
