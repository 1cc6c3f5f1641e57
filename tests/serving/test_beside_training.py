"""Training on MLX beside a server of the same workspace, and clients of which some vanish."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from daemon.core import messages as say
from daemon.core.messages import Order, Report
from daemon.folders.models import current_model
from daemon.training.engine.protocol import ADAPTER, MOMENTS
from tests.serving.house import PATIENCE_S, free_port, wait_for
from tests.training.tiny_llama import TinyEngine
from tests.training.workspace import SETTINGS, Workspace, chats, make_workspace

JOB = "000001-sums"
VERSIONS = ("rehearsal-tiny@v000001", "current", "base")
# A busy machine may find another length of rows best each time it is asked.
TRAINING = {**SETTINGS["training"], "dropout": 0.1, "row_tokens": 128}
RUN: dict[str, Any] = {**SETTINGS, "training": TRAINING}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A version that was trained while nobody asked for anything."""
    made = make_workspace(tmp_path / "w", TinyEngine())
    made.add_job(JOB, chats(12), chats(6, "held"))
    made.ask_run("r000001", [JOB], settings=RUN)
    made.serve(TinyEngine(), say.Train("r000001"))
    made.seal("r000001", "v000001")
    current_model.point_at(made.layout, "v000000")
    return made


@contextmanager
def server_of(workspace: Workspace) -> Iterator[int]:
    """Give the port of a server in a process of its own."""
    port = free_port()
    workspace.layout.settings_file.write_text(f"[server]\nport = {port}\n")
    argv = [sys.executable, "-m", "daemon", "serve", "--root", str(workspace.layout.root)]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL) as process:
        try:
            wait_for(lambda: is_up(port), "the server did not start", 3 * PATIENCE_S)
            yield port
        finally:
            process.kill()


def is_up(port: int) -> bool:
    """Tell whether it answers at all."""
    try:
        with closing(HTTPConnection("localhost", port, timeout=PATIENCE_S)) as line:
            line.request("GET", "/readyz")
            return line.getresponse().status == 200
    except OSError:
        return False


def ask(port: int, version: str, tokens: int) -> HTTPConnection:
    """Begin a stream; its client may leave when it likes."""
    line = HTTPConnection("localhost", port, timeout=PATIENCE_S)
    body = {"prompt": "sum 3", "model": version, "max_tokens": tokens, "stream": True}
    line.request("POST", "/generate", json.dumps(body), {"Content-Type": "application/json"})
    return line


class Clients:
    """Ask one version after the other until they are told to stop; every second answer is left."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self.answered = 0
        self.wrong: list[int] = []

    def _ask(self) -> None:
        while not self._over.is_set():
            version = VERSIONS[self.answered % len(VERSIONS)]
            leaves = self.answered % 2 == 1
            with closing(ask(self._port, version, 400 if leaves else 3)) as line:
                reply = line.getresponse()
                if reply.status != 200 or not (reply.readline() if leaves else reply.read()):
                    self.wrong.append(reply.status)
            self.answered += 1

    def __enter__(self) -> "Clients":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def beside(self, report: Report) -> Sequence[Order]:
        """Let no step go by without an answer."""
        if isinstance(report, say.Stepped):
            before = self.answered
            wait_for(lambda: self.answered > before, "no answer beside a step")
        return ()


def test_clients_change_no_bit_of_an_adapter(workspace: Workspace) -> None:
    """Fault A8, with the real engine on both sides."""
    workspace.ask_run("r000002", [JOB], settings=RUN)
    with server_of(workspace) as port, Clients(port) as clients:
        pipe = workspace.serve(TinyEngine(), say.Train("r000002"), react=clients.beside)
    assert pipe.kinds()[-1] == "CandidateReady" and clients.answered >= 6 and not clients.wrong
    calm, asked = workspace.layout.version("v000001"), workspace.layout.run("r000002").candidate
    for name in (ADAPTER, MOMENTS):
        assert (calm / name).read_bytes() == (asked / name).read_bytes(), name
