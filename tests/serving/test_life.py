"""How the server comes, rests, fails and goes."""

import json
import socket
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from daemon.clock import SystemClock
from daemon.errors import BusyFault, SettingsFault, UserFault
from daemon.folders import server_token
from daemon.folders.disk import locks
from daemon.layout import Layout
from daemon.serving import connection
from daemon.serving.engine_thread import EngineThread
from daemon.serving.generation import (
    AnswerDelta,
    AnswerStep,
    Event,
    GenerationJob,
    RequestError,
    ServedVersion,
)
from daemon.serving.launch import listen
from daemon.serving.memory_rule import MemoryRule
from daemon.serving.rehearsal import RehearsalEngine
from daemon.settings_file import parse_settings
from daemon.settings_serving import ServerSettings
from tests.serving.house import free_port, make_models, serving, wait_for

PLENTY = (90, 100)
SCARCE = (15, 100)
EXHAUSTED = (5, 100)
SECRET = "a-secret-word"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path)
    make_models(made)
    return made


def stand_in() -> RehearsalEngine:
    return RehearsalEngine(SystemClock(), 0.001)


def thread_of(
    engine: RehearsalEngine, layout: Layout, memory: Callable[[], tuple[int, int]], idle_s: float
) -> EngineThread:
    made = EngineThread(
        engine, MemoryRule(layout, memory), ServerSettings(idle_unload_s=idle_s), SystemClock()
    )
    made.start()
    return made


def work(layout: Layout, number: int = 0, base: str = "b", tokens: int = 4) -> GenerationJob:
    from daemon.core.evaluation.sampling import Sampling

    subject = ServedVersion(f"{base}@v1", "v1", layout.base(base), None, None, 0, 0)
    return GenerationJob(number, subject, (1, 2), Sampling(tokens))


def ended(heard: list[Event]) -> bool:
    return any(isinstance(event, RequestError) or event.finish is not None for event in heard)


def test_the_model_comes_with_the_first_request_and_goes_when_nobody_asks(layout: Layout) -> None:
    engine, heard = stand_in(), list[Event]()
    thread = thread_of(engine, layout, lambda: PLENTY, 0.05)
    assert thread.loaded_versions is None
    thread.submit(work(layout), heard.append)
    wait_for(lambda: ended(heard), "no answer")
    wait_for(lambda: thread.loaded_versions is None, "the model was not given back")
    heard.clear()
    thread.submit(work(layout, 1), heard.append)
    wait_for(lambda: ended(heard), "no answer from a model that had been given back")
    thread.close(5)


class Big(RehearsalEngine):
    """One that takes ten of a hundred bytes."""

    def bytes_for(self, subject: ServedVersion) -> int:
        return 10


@pytest.mark.parametrize(
    ("memory", "training", "loads"),
    [(PLENTY, True, True), (SCARCE, True, False), (SCARCE, False, True)],
)
def test_beside_training_a_model_is_loaded_only_where_there_is_memory_for_both(
    layout: Layout, memory: tuple[int, int], training: bool, loads: bool
) -> None:
    """Fault A8: else 503, and when to come again."""
    lock = locks.acquire(layout.trainer_lock) if training else None
    heard = list[Event]()
    thread = thread_of(Big(SystemClock(), 0.001), layout, lambda: memory, 60)
    thread.submit(work(layout), heard.append)
    wait_for(lambda: ended(heard), "no answer")
    last = heard[-1]
    if loads:
        assert isinstance(last, AnswerDelta)
    else:
        assert isinstance(last, RequestError)
        assert (last.status, last.code) == (503, "training") and last.retry_s
    thread.close(5)
    if lock is not None:
        lock.release()


def test_a_resting_model_gives_way_to_a_trainer_that_came_later(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.serving.engine_thread.IDLE_CHECK_S", 0.02)
    memory, heard = [PLENTY], list[Event]()
    thread = thread_of(stand_in(), layout, lambda: memory[0], 60)
    thread.submit(work(layout), heard.append)
    wait_for(lambda: ended(heard), "no answer")
    memory[0] = EXHAUSTED
    assert thread.loaded_versions == 1, "without training it stays"
    lock = locks.acquire(layout.trainer_lock)
    assert lock is not None
    wait_for(lambda: thread.loaded_versions is None, "the model stayed")
    lock.release()
    thread.close(5)


class Failing(RehearsalEngine):
    """Fails in the middle of the first answer."""

    failures = 1

    def step(self) -> list[AnswerStep]:
        if self.failures:
            self.failures -= 1
            raise RuntimeError(SECRET)
        return super().step()


def test_a_model_that_fails_is_a_500_with_a_name_and_the_next_request_is_answered(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    """Faults A10 and A15."""
    with serving(layout, Failing(SystemClock(), 0.001)) as served:
        broken = served.ask("POST", "/generate", {"prompt": "x"})
        assert broken.status == 500
        assert served.ask("POST", "/generate", {"prompt": "x"}).status == 200
    log = capsys.readouterr().err
    name = broken.json()["error"]["message"].split("(")[1][:12]
    assert name in log and "RuntimeError" in log
    assert SECRET not in log


def test_more_than_may_wait_are_told_to_come_again(layout: Layout) -> None:
    body = {"prompt": "x", "temperature": 1, "max_tokens": 2000}
    engine = RehearsalEngine(SystemClock(), 0.001)
    with (
        serving(layout, engine, at_once=1, waiting=1, answer_s=1.0) as served,
        ThreadPoolExecutor(2) as clients,
    ):
        under_way = [clients.submit(served.ask, "POST", "/generate", body) for _ in range(2)]
        wait_for(lambda: served.handler.thread.busy == (1, 1), "they do not wait")
        refused = served.ask("POST", "/generate", body)
        assert refused.status == 503 and refused.headers["retry-after"]
        assert refused.json()["error"]["code"] == "busy"
        assert served.ask("GET", "/readyz").status == 200
        assert {item.result().status for item in under_way} <= {200, 503}


def test_an_answer_that_takes_too_long_is_cut_off(layout: Layout) -> None:
    body = {"prompt": "x", "temperature": 1, "max_tokens": 8000}
    with serving(layout, stand_in(), answer_s=0.2) as served:
        told = served.ask("POST", "/generate", body).json()
    assert told["finish_reason"] == "length" and 0 < told["tokens"] < 8000


def test_a_server_that_ends_tells_the_answers_under_way(layout: Layout) -> None:
    body = {"prompt": "x", "temperature": 1, "max_tokens": 8000}
    with serving(layout, stand_in()) as served, ThreadPoolExecutor(1) as clients:
        under_way = clients.submit(served.ask, "POST", "/generate", body)
        wait_for(lambda: served.handler.thread.busy[0] == 1, "it did not begin")
        served.handler.thread.close(5)
        reply = under_way.result()
        assert reply.status == 503 and reply.json()["error"]["code"] == "stopping"
        for path in ("/readyz", "/healthz"):
            assert served.ask("GET", path).status == 503
        assert served.ask("POST", "/generate", {"prompt": "x"}).status == 503


def test_without_a_version_there_is_nothing_to_ask_yet(tmp_path: Path) -> None:
    with serving(Layout(tmp_path), stand_in()) as served:
        assert served.ask("GET", "/healthz").status == 200
        assert served.ask("GET", "/readyz").status == 503
        reply = served.ask("POST", "/generate", {"prompt": "x"})
        assert reply.status == 503 and reply.json()["error"]["code"] == "no_model_yet"
        assert served.ask("GET", "/v1/models").json()["data"] == []


def test_a_head_that_does_not_come_ends_its_connection(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "HEAD_S", 0.2)
    with serving(layout, stand_in()) as served:
        for begun in (b"", b"GET /healthz HTTP/1.1\r\nHost:"):
            with served.connect() as line:
                line.sendall(begun)
                assert _closed(line)
        assert served.ask("GET", "/healthz").status == 200


def _closed(line: socket.socket) -> bool:
    try:
        return line.recv(1) == b""
    except ConnectionResetError:
        return True


def test_a_thousand_idle_connections_keep_nobody_out_for_long(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "HEAD_S", 0.5)
    with serving(layout, stand_in(), connections=100) as served, ExitStack() as idle:
        for _ in range(1000):
            idle.enter_context(served.connect())
        held = served.server.server_state.connections
        wait_for(lambda: len(held) <= 100, "more were held than may be")
        wait_for(lambda: not held, "they stayed")

        def answers() -> bool:
            # Those that the system has queued count too: each is closed after its own half second.
            try:
                return served.ask("GET", "/healthz").status == 200
            except OSError:
                return False

        wait_for(answers, "a thousand idle connections keep others out")


def test_a_client_that_takes_nothing_is_left(layout: Layout) -> None:
    """Fault A7."""
    body = json.dumps({"prompt": "x", "temperature": 1, "max_tokens": 8000, "stream": True})
    with serving(layout, RehearsalEngine(SystemClock(), 0.0), send_s=0.2) as served:
        head = f"POST /generate HTTP/1.1\r\nHost: {served.host}\r\nContent-Length: {len(body)}\r\n"
        line = socket.socket()
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        line.connect(("127.0.0.1", served.settings.port))
        line.sendall(f"{head}Content-Type: application/json\r\n\r\n{body}".encode())
        wait_for(lambda: served.handler.thread.busy[0] == 1, "it did not begin")
        wait_for(lambda: served.handler.thread.busy == (0, 0), "it went on")
        held = served.server.server_state.connections
        wait_for(lambda: not held, "the connection stayed, for the rest to be taken")
        line.close()


def test_a_port_that_is_taken_is_told_and_no_other_is_used() -> None:
    """Fault A12."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        settings = ServerSettings(port=other.getsockname()[1])
        with pytest.raises(BusyFault, match=r"taken by another program.*server\.port"):
            listen(settings)
    with pytest.raises(UserFault, match="cannot listen at 198"):
        listen(ServerSettings(address="198.51.100.7", remote=True))


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.168.1.7", "fe80::1"])
def test_an_address_others_can_reach_needs_an_explicit_word(address: str) -> None:
    """Fault A11."""
    with pytest.raises(SettingsFault, match=r"server\.remote = true"):
        parse_settings(f'[server]\naddress = "{address}"\n', "x.toml")
    settings = parse_settings(f'[server]\naddress = "{address}"\nremote = true\n', "x.toml")
    assert settings.server.needs_token
    with pytest.raises(SettingsFault, match="not an IP address"):
        parse_settings('[server]\naddress = "localhost"\n', "x.toml")


def test_the_token_is_its_owners_alone_and_opens_the_server(layout: Layout) -> None:
    with serving(layout, stand_in(), token=True) as served:
        path = layout.server_token
        assert path.stat().st_mode & 0o777 == 0o600
        token = path.read_text().strip()
        assert len(token) >= 32 and server_token.read_or_make(layout) == token
        assert served.ask("GET", "/v1/models").status == 401
        assert served.ask("GET", "/healthz").status == 200
        right = {"Authorization": f"Bearer {token}"}
        assert served.ask("POST", "/generate", {"prompt": "x"}, right).status == 200
        assert token not in served.ask("GET", "/metrics", headers=right).body.decode()


@pytest.mark.parametrize(("text", "mode"), [("short\n", 0o600), ("", 0o600), ("x" * 40, 0o644)])
def test_a_token_that_is_none_or_open_is_refused(layout: Layout, text: str, mode: int) -> None:
    layout.server_token.write_text(text)
    layout.server_token.chmod(mode)
    with pytest.raises(UserFault, match=r"server\.token"):
        server_token.read_or_make(layout)


def test_the_worker_leaves_when_its_supervisor_is_gone(layout: Layout) -> None:
    import subprocess

    port = free_port()
    layout.settings_file.write_text(f"[server]\nport = {port}\n")
    argv = [sys.executable, "-P", "-m", "daemon.serving", "--root", str(layout.root), "--rehearse"]
    child = subprocess.Popen(argv, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdin is not None and child.stderr is not None
    assert b"serving at http://127.0.0.1" in child.stderr.readline()
    holder = locks.holder(layout.server_lock)
    assert holder is not None and holder.pid == child.pid
    assert holder.note == f"http://127.0.0.1:{port}"
    child.stdin.close()
    assert child.wait(20) == 0
    assert locks.holder(layout.server_lock) is None
    child.stderr.close()
