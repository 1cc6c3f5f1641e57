"""A daemon that serves: its server answers beside training, and comes back when it is killed."""

import json
import shutil
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import openai
import psutil
import pytest

from tests.end_to_end.workspace import Workspace, chats
from tests.serving.house import free_port

pytestmark = pytest.mark.end_to_end


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


def ask_everything(port: int, client: openai.OpenAI) -> set[str]:
    """Ask every route once, by OpenAI's client where it has a word for it; return who answered."""
    messages: list[Any] = [{"role": "user", "content": "hi"}]
    chat = client.chat.completions.create(model="current", messages=messages)
    chunks = list(
        client.chat.completions.create(model="base", messages=messages, stream=True, max_tokens=2)
    )
    text = client.completions.create(model="current", prompt="Once", max_tokens=2)
    models = [model.id for model in client.models.list()]
    assert client.models.retrieve(models[0]).id == models[0]
    assert chat.choices[0].message.content and text.choices[0].text and chunks
    for path in ("healthz", "readyz", "metrics", "dashboard/state", ""):
        with urllib.request.urlopen(f"http://localhost:{port}/{path}", timeout=20) as reply:
            assert reply.status == 200 and reply.read()
    found = answer(port)
    assert found is not None
    return {found["version"], chat.model.split("@")[1], text.model.split("@")[1]}


def curl(port: int) -> str:
    """Return the version that answers the request of the README as it is typed."""
    tool = shutil.which("curl")
    if tool is None:
        pytest.skip("curl is missing")
    line = [tool, "-sS", "-X", "POST", f"http://localhost:{port}/generate", "-d", '{"prompt": "x"}']
    told = subprocess.run(line, capture_output=True, check=True, timeout=60).stdout
    return str(json.loads(told)["version"])


def test_the_daemons_server_answers_beside_training_survives_a_kill_and_changes_no_bit(
    tmp_path: Path,
) -> None:
    """Faults A8 and A10: all routes are asked while it trains and while it pauses."""
    port = free_port()
    usual = "[inbox]\nsettle_s = 0.1\n[training]\nepochs = 30\n"
    with Workspace(tmp_path / "calm", settings=usual) as calm:
        calm.drop("a.jsonl", chats(60))
        assert calm.drain() == 0
    asked = f"{usual}[server]\nenabled = true\nport = {port}\n"
    during = 0
    with (
        Workspace(tmp_path / "asked", settings=asked) as workspace,
        openai.OpenAI(base_url=f"http://localhost:{port}/v1", api_key="unused") as client,
    ):
        workspace.start()
        workspace.wait("an answer", lambda: answer(port))
        first = server_of(workspace)
        workspace.drop("a.jsonl", chats(60))
        workspace.wait("training", lambda: workspace.told("run_begun"))
        assert curl(port) == "v000000"
        while not during and workspace.current() == "v000000":
            during += ask_everything(port, client) == {"v000000"}
        first.kill()
        workspace.wait("a version", lambda: workspace.current() == "v000001")
        workspace.wait("the server again", lambda: (answer(port) or {}).get("version") == "v000001")
        second = server_of(workspace)
        assert second.pid != first.pid
        workspace.touch("pause")
        workspace.wait("a pause", lambda: workspace.status()["status"] == "paused")
        assert ask_everything(port, client) == {"v000001"}
        workspace.touch("stop")
        assert workspace.wait_for_exit() == 0
        assert not second.is_running()
    assert during, "nobody was answered while it trained"
    for file in ("adapters.safetensors", "optimizer.safetensors"):
        assert workspace.digest("v000001", file) == calm.digest("v000001", file), file
