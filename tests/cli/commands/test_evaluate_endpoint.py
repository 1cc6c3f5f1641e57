"""`compare --endpoint`: another model answers the suites over its OpenAI-compatible API."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from daemon.layout import Layout
from tests.cli.conftest import Command


class Model(BaseHTTPRequestHandler):
    """An endpoint that knows every lake; the fifth time it is asked it fails."""

    asked: ClassVar[list[dict[str, Any]]] = []
    keys: ClassVar[list[str | None]] = []
    failing: ClassVar[bool] = True
    redirecting: ClassVar[bool] = False

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        type(self).asked.append({"path": self.path} | body)
        type(self).keys.append(self.headers["Authorization"])
        if self.redirecting:
            self.send_response(307)
            self.send_header("Location", "http://127.0.0.1:9/elsewhere")
            self.end_headers()
            return
        if self.failing and len(self.asked) == 5:
            self.send_response(503)
            self.end_headers()
            self.wfile.write(b"\x1b[31mbusy")
            return
        said = body["messages"][-1]["content"].rstrip("?")
        reply = {"choices": [{"message": {"content": said}}]}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(reply).encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def endpoint() -> Iterator[str]:
    Model.asked, Model.keys, Model.failing, Model.redirecting = [], [], True, False
    server = HTTPServer(("127.0.0.1", 0), Model)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()
    thread.join()


def test_an_endpoint_is_asked_once_for_each_answer_also_after_it_failed(
    finetuned: Command,
    ready: Layout,
    endpoint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MY_KEY", "s3cret-key")
    saved = tmp_path / "saved.jsonl"
    words = (
        "compare",
        "--endpoint",
        endpoint,
        "--model",
        "big",
        "--save",
        saved,
        "--key-variable",
        "MY_KEY",
        "--suite",
        "lakes",
        "--root",
        ready.root,
    )
    failed = finetuned(*words)
    assert failed.exit_code == 1 and "503" in failed.stderr and "\x1b[31m" not in failed.stderr
    assert len(saved.read_text().splitlines()) == 4
    Model.failing = False
    done = finetuned(*words)
    assert done.exit_code == 0 and len(saved.read_text().splitlines()) == 12
    assert len(Model.asked) == 5 + 8
    first = Model.asked[0]
    assert (first["path"], first["model"], first["max_tokens"], first["temperature"]) == (
        "/v1/chat/completions",
        "big",
        8,
        0,
    )
    assert set(Model.keys) == {"Bearer s3cret-key"}
    assert "s3cret" not in failed.output + done.output + saved.read_text()


def test_a_redirect_is_not_followed(
    finetuned: Command, ready: Layout, endpoint: str, tmp_path: Path
) -> None:
    Model.redirecting = True
    saved = tmp_path / "saved.jsonl"
    words = ("compare", "--endpoint", endpoint, "--model", "big", "--save", saved)
    refused = finetuned(*words, "--suite", "lakes", "--root", ready.root)
    assert refused.exit_code == 1 and "307" in refused.stderr and len(Model.asked) == 1


def test_an_endpoint_needs_a_model_a_file_and_the_key_it_names(
    finetuned: Command, ready: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MY_KEY", raising=False)
    there = ("--endpoint", "http://127.0.0.1:9/v1", "--suite", "lakes", "--root", ready.root)
    assert "--save" in finetuned("compare", *there).stderr
    full = (*there, "--model", "m", "--save", tmp_path / "a.jsonl")
    assert "MY_KEY is not set" in finetuned("compare", *full, "--key-variable", "MY_KEY").stderr
    file = ("--endpoint", "file:///etc/hosts", "--model", "m", "--save", tmp_path / "a.jsonl")
    refused = finetuned("compare", *file, "--suite", "lakes", "--root", ready.root)
    assert "is not an address" in refused.stderr
    assert "cannot be reached" in finetuned("compare", *full).stderr
