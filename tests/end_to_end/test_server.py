"""A daemon that serves: its server answers beside training, and comes back when it is killed."""

import json
import socket
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.end_to_end.workspace import Workspace, chats

pytestmark = pytest.mark.end_to_end


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def answer(port: int) -> dict[str, Any] | None:
    """Return what `/generate` says; None while it cannot be reached or is not ready."""
    request = urllib.request.Request(f"http://localhost:{port}/generate", data=b'{"prompt": "hi"}')
    try:
        with urllib.request.urlopen(request, timeout=20) as reply:
            found: dict[str, Any] = json.load(reply)
            return found
    except (urllib.error.URLError, ConnectionError):
        return None


def server_of(workspace: Workspace) -> psutil.Process:
    """Return the server's process, as the last event about it names it."""
    return psutil.Process(workspace.told("server_started")[-1]["pid"])


def test_the_daemons_server_answers_with_the_newest_version_and_survives_a_kill(
    tmp_path: Path,
) -> None:
    """Fault A10: training goes on meanwhile."""
    port = free_port()
    settings = f"[inbox]\nsettle_s = 0.1\n[server]\nenabled = true\nport = {port}\n"
    with Workspace(tmp_path / "w", settings=settings) as workspace:
        workspace.start()
        workspace.wait("an answer", lambda: answer(port))
        first = server_of(workspace)
        workspace.drop("a.jsonl", chats(40))
        first.kill()
        workspace.wait("a version", lambda: workspace.current() == "v000001")
        workspace.wait("the server again", lambda: (answer(port) or {}).get("version") == "v000001")
        second = server_of(workspace)
        assert second.pid != first.pid
        workspace.touch("stop")
        assert workspace.wait_for_exit() == 0
        assert not second.is_running()
