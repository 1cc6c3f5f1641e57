"""`service`: the right file, the right commands, and a sentence for whatever goes wrong."""

import json
import os
import plistlib
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import Result

from daemon.cli.commands import service
from daemon.cli.commands.run import make_workspace
from daemon.cli.commands.service import ServiceHost
from daemon.core.service import launchd, systemd
from daemon.layout import Layout

Command = Callable[..., Result]

TOLD = '#!/bin/sh\necho "${{0##*/}} $*" >> "{told}"\n'
SYSTEMCTL = """
case "$2" in
    show) if [ -e "{up}" ]; then printf 'UnitFileState=enabled\\nActiveState=active\\nStatusText=idle\\n'
          else printf 'UnitFileState=disabled\\nActiveState=inactive\\nResult=success\\n'; fi;;
    enable) : > "{up}";;
    disable) rm -f "{up}";;
esac
"""  # noqa: E501
LAUNCHCTL = """
case "$1" in
    print) [ -e "{up}" ] || {{ echo "Could not find service" >&2; exit 113; }}
           printf 'gui/501/x = {{\\n\\tstate = running\\n\\tpid = 41\\n}}\\n';;
    bootstrap) [ ! -e "{up}" ] || {{ echo "Bootstrap failed: 5" >&2; exit 5; }}; : > "{up}";;
    bootout) rm "{up}";;
esac
"""


class Tools:
    """Stand-ins for launchctl and systemctl that note what they are told and keep one state."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.up = folder / "up"
        self._told = folder / "told.txt"
        folder.mkdir()

    def put(self, name: str, body: str) -> None:
        text = (TOLD + body).format(told=self._told, up=self.up)
        (self.folder / name).write_text(text)
        (self.folder / name).chmod(0o755)

    def told(self) -> list[str]:
        """Return what was done, without the questions."""
        lines = self._told.read_text().splitlines() if self._told.exists() else []
        return [line for line in lines if " show " not in line and " print " not in line]


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tools:
    made = Tools(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{made.folder}:/usr/bin:/bin")
    return made


@pytest.fixture
def linux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tools: Tools) -> ServiceHost:
    """A user's Linux machine, with systemd."""
    tools.put("systemctl", SYSTEMCTL)
    home = tmp_path / "home"
    made = ServiceHost("linux", 501, home, home / ".config", "/opt/py/bin/python3")
    monkeypatch.setattr(service, "this_machine", lambda: made)
    return made


@pytest.fixture
def mac(linux: ServiceHost, monkeypatch: pytest.MonkeyPatch, tools: Tools) -> ServiceHost:
    """A user's Mac, with launchd."""
    tools.put("launchctl", LAUNCHCTL)
    made = replace(linux, platform="darwin")
    monkeypatch.setattr(service, "this_machine", lambda: made)
    return made


def files(home: Path) -> list[Path]:
    return [path for path in home.rglob("*") if path.is_file()]


def test_a_unit_is_written_loaded_told_of_and_removed(
    finetuned: Command, layout: Layout, linux: ServiceHost, tools: Tools
) -> None:
    done = finetuned("service", "install", "--root", layout.root)
    assert done.exit_code == 0, done.stderr
    [unit] = files(linux.home)
    assert unit.parent == linux.config / "systemd" / "user"
    command = systemd.command_of(unit.read_bytes())
    assert command == (linux.python, "-P", "-m", "daemon", "run", "--root", str(layout.root))
    told = finetuned("service", "status", "--root", layout.root).stdout
    assert "loaded: yes (enabled, active, idle)" in told
    assert f"command: {' '.join(command)}" in told
    assert finetuned("service", "remove", "--root", layout.root).exit_code == 0
    assert files(linux.home) == []
    assert tools.told() == [
        "systemctl --user daemon-reload",
        f"systemctl --user enable --now {unit.name}",
        f"systemctl --user disable --now {unit.name}",
        "systemctl --user daemon-reload",
    ]


def test_an_agent_is_written_loaded_told_of_and_removed(
    finetuned: Command, layout: Layout, mac: ServiceHost, tools: Tools
) -> None:
    done = finetuned("service", "install", "--root", layout.root)
    assert done.exit_code == 0, done.stderr
    [agent] = files(mac.home)
    assert agent.parent == mac.home / "Library" / "LaunchAgents"
    keys = plistlib.loads(agent.read_bytes())
    assert agent.name == f"{keys['Label']}.plist"
    assert keys["StandardErrorPath"] == str(layout.logs / "service.log")
    command = launchd.command_of(agent.read_bytes())
    assert command is not None
    assert command[-3:] == ("--root", str(layout.root), "--quiet")
    told = json.loads(finetuned("service", "status", "--json", "--root", layout.root).stdout)
    assert (told["installed"], told["loaded"], told["manager"]) == (True, True, "launchd")
    assert told["command"] == list(command)
    assert told["state"] == "running as process 41"
    assert finetuned("service", "remove", "--root", layout.root).exit_code == 0
    assert files(mac.home) == []
    label = keys["Label"]
    assert tools.told() == [
        f"launchctl enable gui/501/{label}",
        f"launchctl bootstrap gui/501 {agent}",
        f"launchctl bootout gui/501/{label}",
    ]


@pytest.mark.parametrize("system", ["linux", "mac"])
def test_a_service_that_runs_is_left_alone_until_its_file_changes(
    finetuned: Command,
    layout: Layout,
    tools: Tools,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    system: str,
) -> None:
    machine: ServiceHost = request.getfixturevalue(system)
    for _ in range(2):
        assert finetuned("service", "install", "--root", layout.root).exit_code == 0
    started = tools.told()
    assert len(started) == 2
    monkeypatch.setattr(service, "this_machine", lambda: replace(machine, python="/new/python"))
    assert finetuned("service", "install", "--root", layout.root).exit_code == 0
    assert len(tools.told()) == 5
    assert tools.told()[3:] == started
    assert "/new/python" in finetuned("service", "status", "--root", layout.root).stdout


def test_a_service_that_was_stopped_is_started_again(
    finetuned: Command, layout: Layout, mac: ServiceHost, tools: Tools
) -> None:
    finetuned("service", "install", "--root", layout.root)
    started = tools.told()
    tools.put("launchctl", LAUNCHCTL.replace("\\tpid = 41\\n", ""))
    assert "(not running)" in finetuned("service", "status", "--root", layout.root).stdout
    assert finetuned("service", "install", "--root", layout.root).exit_code == 0
    assert [line.split()[1] for line in tools.told()[len(started) :]] == [
        "bootout",
        "enable",
        "bootstrap",
    ]


def test_no_start_writes_the_file_and_says_what_to_type(
    finetuned: Command, layout: Layout, linux: ServiceHost, tools: Tools
) -> None:
    done = finetuned("service", "install", "--no-start", "--root", layout.root)
    assert done.exit_code == 0
    [unit] = files(linux.home)
    assert f"systemctl --user enable --now {unit.name}" in done.stdout
    assert tools.told() == []
    told = finetuned("service", "status", "--root", layout.root).stdout
    assert "loaded: no (disabled, inactive)" in told


def test_without_the_tool_the_file_is_there_and_the_command_is_said(
    finetuned: Command,
    layout: Layout,
    linux: ServiceHost,
    tools: Tools,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    done = finetuned("service", "install", "--root", layout.root)
    assert done.exit_code == 1
    [unit] = files(linux.home)
    assert "there is no systemctl on this machine" in done.stderr
    assert f"systemctl --user enable --now {unit.name}" in done.stderr
    assert "loaded: unknown" in finetuned("service", "status", "--root", layout.root).stdout
    removed = finetuned("service", "remove", "--root", layout.root)
    assert removed.exit_code == 0
    assert f"systemctl --user disable --now {unit.name}" in removed.stderr
    assert files(linux.home) == []


def test_a_tool_that_fails_is_quoted(
    finetuned: Command, layout: Layout, linux: ServiceHost, tools: Tools
) -> None:
    tools.put("systemctl", "echo 'Failed to connect to bus' >&2; exit 1\n")
    done = finetuned("service", "install", "--root", layout.root)
    assert done.exit_code == 1
    assert "(Failed to connect to bus)" in done.stderr
    assert len(files(linux.home)) == 1


def test_what_does_not_stop_is_not_removed(
    finetuned: Command, layout: Layout, mac: ServiceHost, tools: Tools
) -> None:
    finetuned("service", "install", "--root", layout.root)
    tools.put("launchctl", LAUNCHCTL.replace('rm "{up}"', "echo no >&2; exit 9"))
    done = finetuned("service", "remove", "--root", layout.root)
    assert done.exit_code == 1
    assert "launchctl bootout" in done.stderr
    assert len(files(mac.home)) == 1


def test_a_daemon_started_by_hand_keeps_the_workspace(
    finetuned: Command, layout: Layout, linux: ServiceHost, tools: Tools, lock_held: None
) -> None:
    done = finetuned("service", "install", "--root", layout.root)
    assert done.exit_code == 4
    assert str(os.getpid()) in done.stderr
    assert "finetuned stop" in done.stderr
    assert tools.told() == []


def test_removing_and_asking_for_what_is_not_there_ends_well(
    finetuned: Command, linux: ServiceHost, tools: Tools, tmp_path: Path
) -> None:
    gone = tmp_path / "gone"
    done = finetuned("service", "remove", "--root", gone)
    assert done.exit_code == 0
    assert "there is no service" in done.stdout
    asked = finetuned("service", "status", "--root", gone)
    assert asked.exit_code == 0
    assert "not installed" in asked.stdout
    assert tools.told() == []


def test_two_workspaces_have_two_services(
    finetuned: Command, layout: Layout, linux: ServiceHost, tools: Tools, tmp_path: Path
) -> None:
    other = Layout((tmp_path / "other" / layout.root.name).resolve())
    make_workspace(other)
    for root in (layout.root, other.root):
        finetuned("service", "install", "--no-start", "--root", root)
    assert len(files(linux.home)) == 2
    finetuned("service", "remove", "--root", layout.root)
    [left] = files(linux.home)
    assert systemd.command_of(left.read_bytes()) is not None
    assert str(other.root) in left.read_text()


def test_root_must_say_that_it_means_it(
    finetuned: Command, layout: Layout, linux: ServiceHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "this_machine", lambda: replace(linux, uid=0))
    done = finetuned("service", "install", "--no-start", "--root", layout.root)
    assert done.exit_code == 1
    assert "--as-root" in done.stderr
    assert files(linux.home) == []
    said = finetuned("service", "install", "--no-start", "--as-root", "--root", layout.root)
    assert said.exit_code == 0
    [unit] = files(linux.home)
    command = systemd.command_of(unit.read_bytes())
    assert command is not None and command[-1] == "--as-root"


@pytest.mark.parametrize("name", ["two\nlines", "not-utf8-\udcff"])
def test_a_path_that_no_file_can_carry_is_refused(
    finetuned: Command, linux: ServiceHost, tmp_path: Path, name: str
) -> None:
    (tmp_path / name / "inbox").mkdir(parents=True)
    done = finetuned("service", "install", "--no-start", "--root", tmp_path / name)
    assert done.exit_code == 1
    assert "rename the folder" in done.stderr
    assert files(linux.home) == []


def test_a_python_that_systemd_cannot_start_is_refused(
    finetuned: Command, layout: Layout, linux: ServiceHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    quoted = replace(linux, python="/opt/o'brien/bin/python3")
    monkeypatch.setattr(service, "this_machine", lambda: quoted)
    done = finetuned("service", "install", "--no-start", "--root", layout.root)
    assert done.exit_code == 1
    assert "o'brien" in done.stderr
    assert files(linux.home) == []


def test_an_unknown_platform_is_named(
    finetuned: Command, layout: Layout, linux: ServiceHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "this_machine", lambda: replace(linux, platform="freebsd14"))
    done = finetuned("service", "install", "--root", layout.root)
    assert done.exit_code == 1
    assert "freebsd14" in done.stderr


def test_a_file_that_cannot_be_written_is_named(
    finetuned: Command, layout: Layout, linux: ServiceHost
) -> None:
    linux.home.mkdir()
    linux.config.write_text("a file, where a folder belongs")
    done = finetuned("service", "install", "--no-start", "--root", layout.root)
    assert done.exit_code == 1
    assert str(linux.config) in done.stderr


def test_a_synchronised_folder_is_warned_of(
    finetuned: Command, linux: ServiceHost, tmp_path: Path
) -> None:
    root = tmp_path / "OneDrive - Firm" / "w"
    (root / "inbox").mkdir(parents=True)
    done = finetuned("service", "install", "--no-start", "--root", root)
    assert done.exit_code == 0
    assert "OneDrive - Firm" in done.stderr


def test_the_machine_is_this_one_and_a_relative_config_folder_counts_as_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    assert service.this_machine().config == tmp_path / ".config"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "conf"))
    machine = service.this_machine()
    assert machine.config == tmp_path / "conf"
    assert Path(machine.python).is_absolute()
    assert machine.uid == os.geteuid()


def test_systemd_itself_reads_the_unit_as_it_was_meant(
    finetuned: Command, linux: ServiceHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not on this machine")
    root = tmp_path / "100%h \"q\" $HOME ü 'x' ;\\n \\"
    (root / "inbox").mkdir(parents=True)
    python = tmp_path / "a $b %c" / "python3"
    python.parent.mkdir()
    python.symlink_to("/bin/true")
    monkeypatch.setattr(service, "this_machine", lambda: replace(linux, python=str(python)))
    finetuned("service", "install", "--no-start", "--root", root)
    [unit] = files(linux.home)
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(linux.home),
        "LC_ALL": "C.UTF-8",
        "XDG_RUNTIME_DIR": str(tmp_path),
        "SYSTEMD_LOG_LEVEL": "debug",
    }
    argv = [analyze, "--user", "--man=no", "verify", str(unit)]
    done = subprocess.run(argv, capture_output=True, env=environment, check=False)
    text = (done.stdout + done.stderr).decode(errors="replace")
    assert done.returncode == 0, text
    assert not [line for line in text.splitlines() if line.startswith(str(unit))]
    assert f"WorkingDirectory: {root}\n" in text
    [command] = [line for line in text.splitlines() if "Command Line:" in line]
    shell = command.split("Command Line: ")[1]
    again = subprocess.run(
        ["/bin/sh", "-c", f"printf '%s\\n' {shell}"], capture_output=True, check=True, text=True
    )
    assert again.stdout.splitlines() == [
        str(python),
        "-P",
        "-m",
        "daemon",
        "run",
        "--root",
        str(root),
    ]
