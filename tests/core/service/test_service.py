"""What launchd and systemd are told comes back as it was meant."""

import plistlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.service import launchd, systemd
from daemon.core.service.service import STOP_S, Service, not_carried, service_name
from daemon.errors import ExitCode
from daemon.settings import TrainerSettings

HARD = "/home/a b/100%h \"q\" $HOME ${X} \\n ü 日本 'x' ;#&\\"
PATHS = st.text(min_size=1).filter(lambda text: not_carried(text) is None).map("/{}".format)


def service(root: str) -> Service:
    argv = ("/opt/my python/bin/python3", "-P", "-m", "daemon", "run", "--root", root)
    return Service(service_name(root), root, argv)


def keys(data: bytes) -> dict[str, list[str]]:
    """Read a unit's keys, by the format's own rules: no comment, one line each."""
    found: dict[str, list[str]] = {}
    for line in data.decode().splitlines():
        if "=" in line and not line.startswith("#"):
            key, value = line.split("=", 1)
            found.setdefault(key, []).append(value)
    return found


@given(PATHS)
def test_any_path_comes_back_from_a_unit(root: str) -> None:
    assert systemd.command_of(systemd.unit(service(root))) == service(root).argv


@given(PATHS)
def test_any_path_comes_back_from_an_agent(root: str) -> None:
    agent = launchd.agent(service(root), "label", "/log")
    assert launchd.command_of(agent) == service(root).argv
    assert plistlib.loads(agent)["WorkingDirectory"] == root


def test_a_unit_escapes_percent_signs_quotes_and_a_backslash_at_the_end() -> None:
    unit = keys(systemd.unit(service(HARD)))
    assert unit["WorkingDirectory"] == [HARD.replace("%", "%%") + "/"]
    [command] = unit["ExecStart"]
    assert command.startswith('":/opt/my python/bin/python3" "-P" ')
    assert command.endswith(' \\"q\\" $HOME ${X} \\\\n ü 日本 \'x\' ;#&\\\\"')
    assert "100%%h" in command


def test_a_unit_ends_a_crash_loop_and_leaves_hopeless_ends_alone() -> None:
    unit = keys(systemd.unit(service("/w")))
    assert unit["Type"] == ["notify"]
    assert unit["Restart"] == ["on-failure"]
    prevented = {ExitCode(int(code)) for code in unit["RestartPreventExitStatus"][0].split()}
    assert {ExitCode.USAGE, ExitCode.MODEL, ExitCode.DISK_BROKEN} <= prevented
    assert not {ExitCode.OK, ExitCode.FAILED, ExitCode.BUSY} & prevented
    starts, within_s = int(unit["StartLimitBurst"][0]), int(unit["StartLimitIntervalSec"][0])
    assert starts * int(unit["RestartSec"][0]) < within_s


def test_a_manager_waits_longer_than_the_daemon_may_take_to_leave() -> None:
    [longest_s] = [
        m.le for m in TrainerSettings.model_fields["stop_s"].metadata if hasattr(m, "le")
    ]
    assert longest_s < STOP_S
    assert keys(systemd.unit(service("/w")))["TimeoutStopSec"] == [str(STOP_S)]
    assert plistlib.loads(launchd.agent(service("/w"), "label", "/log"))["ExitTimeOut"] == STOP_S


def test_an_agent_stays_stopped_when_it_was_asked_to_stop() -> None:
    agent = plistlib.loads(launchd.agent(service("/w"), "finetuned.w", "/w/logs/service.log"))
    assert agent["KeepAlive"] == {"SuccessfulExit": False}
    assert agent["RunAtLoad"] is True
    assert agent["Label"] == "finetuned.w"
    assert agent["ProcessType"] == "Interactive"
    assert agent["StandardOutPath"] == agent["StandardErrorPath"] == "/w/logs/service.log"


def test_two_workspaces_never_share_a_name() -> None:
    names = [service_name(root) for root in ("/a/w", "/b/w", "/a/W", "/a/w w", "/a/w-w", "/")]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9-]+", name) for name in names)
    assert names[0].startswith("w-")


def test_a_name_stays_short_and_plain_whatever_the_folder_is_called() -> None:
    assert re.fullmatch(r"[0-9a-f]{12}", service_name("/日本"))
    assert len(service_name("/" + "x" * 255)) < 60


@pytest.mark.parametrize(
    "bad", ["\n", "\0", "\x7f", "\x85", "\udcff", "\ufdd0", "\uffff", "\U0010fffe"]
)
def test_what_no_file_can_carry_is_named(bad: str) -> None:
    assert not_carried(f"/a{bad}b") == bad


@pytest.mark.parametrize("data", [b"", b"\xff\x00", b"[Service]\nExecStart=/bin/sh\n", b"<plist/>"])
def test_a_file_of_another_hand_has_no_command(data: bytes) -> None:
    assert systemd.command_of(data) is None
    assert launchd.command_of(data) is None
