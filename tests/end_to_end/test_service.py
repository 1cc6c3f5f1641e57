"""A real daemon under a service manager: what it says, and what it writes (faults D5, D6)."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT
from tests.end_to_end.workspace import PATIENCE_S, Workspace, chats
from tests.sockets import short_folder


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A service manager's end of the line; the daemons of this test find it."""
    with short_folder() as short, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(str(short / "notify"))
        made.settimeout(PATIENCE_S)
        monkeypatch.setenv("NOTIFY_SOCKET", made.getsockname())
        yield made


def hear(manager: socket.socket, wanted: str) -> list[str]:
    """Listen until a line begins so; return all that were heard."""
    heard: list[str] = []
    while not any(line.startswith(wanted) for line in heard):
        heard += manager.recv(65536).decode().splitlines()
    return heard


@pytest.mark.end_to_end
def test_a_daemon_says_that_it_is_ready_what_it_does_and_that_it_leaves(
    tmp_path: Path, manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "200000")
    with Workspace(tmp_path / "w") as space:
        space.start("--quiet")
        assert hear(manager, "READY=1") == ["READY=1"]
        assert "WATCHDOG=1" in hear(manager, "STATUS=idle: ")
        space.drop("a.jsonl", chats(20))
        hear(manager, "STATUS=training: r000001")
        space.wait("a version", lambda: space.current() == "v000001")
        space.touch("stop")
        heard = hear(manager, "STOPPING=1")
        assert "WATCHDOG=1" in heard
        assert space.wait_for_exit() == 0
        assert (space.root / "console.txt").read_bytes() == b""
        assert space.layout.log_file.stat().st_size > 0


@pytest.mark.end_to_end
def test_the_installed_command_trains_in_a_folder_that_holds_a_users_own_modules(
    tmp_path: Path, manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    # Only an installed package is found from everywhere; this one lies here.
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with Workspace(tmp_path / "100% mine") as space:
        for name in ("daemon", "json"):
            (space.root / f"{name}.py").write_text("raise SystemExit('a file of the user')")
        _service(space.root, "install", "--no-start", "--as-root")
        command = json.loads(_service(space.root, "status", "--json"))["command"]
        started = subprocess.Popen([*command, "--rehearse", "--quiet"], cwd=space.root)
        try:
            assert hear(manager, "READY=1") == ["READY=1"]
            space.drop("a.jsonl", chats(20))
            space.wait("a version", lambda: space.told("promoted", version="v000001"))
            started.terminate()
            hear(manager, "STOPPING=1")
            assert started.wait(PATIENCE_S) == 0
        finally:
            started.kill()
            started.wait()


def _service(root: Path, *words: str) -> str:
    argv = [sys.executable, "-m", "daemon", "service", *words, "--root", str(root)]
    # systemctl, too, writes to a socket that it is given.
    given = {key: value for key, value in os.environ.items() if key != "NOTIFY_SOCKET"}
    return subprocess.run(argv, check=True, capture_output=True, text=True, env=given).stdout


@pytest.mark.end_to_end
def test_settings_that_cannot_be_used_end_as_a_restart_cannot_help(
    tmp_path: Path, manager: socket.socket
) -> None:
    manager.setblocking(False)
    with Workspace(tmp_path / "w", settings="[training]\nrank = 0\n") as space:
        space.start("--quiet")
        assert space.wait_for_exit() == 2
        assert "training.rank" in (space.root / "console.txt").read_text()
    with pytest.raises(BlockingIOError):
        manager.recv(1)
