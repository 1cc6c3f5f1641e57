"""The server is started, started again and ended as the settings say, with real processes (A10)."""

import sys
from pathlib import Path
from typing import Any, cast

import pytest

from daemon.clock import SystemClock
from daemon.settings_serving import ServerSettings
from daemon.supervisor.journal import Journal
from daemon.supervisor.server_process import END_S, LONGEST_REST_S, SETTLED_S, ServerProcess
from daemon.supervisor.signals import Wakeups
from tests.clocks import StillClock

OBEYING = "import sys; sys.stdin.read()"
DEAF = "import time; time.sleep(600)"
DYING = "import sys; sys.exit('port 9000 is taken')"
ON, OFF = ServerSettings(enabled=True), ServerSettings()
PATIENCE_S = 30.0


class Told:
    """What was told."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.alerts: dict[str, str] = {}

    def event(self, event: str, _message: str, **_facts: Any) -> None:
        self.events.append(event)

    def alert(self, code: str, message: str) -> None:
        self.alerts[code] = message

    def settle(self, code: str) -> None:
        self.alerts.pop(code, None)


@pytest.fixture
def told() -> Told:
    return Told()


def hand(code: str, folder: Path, clock: StillClock) -> ServerProcess:
    return ServerProcess([sys.executable, "-c", code], folder, clock, Wakeups())


def tend(server: ServerProcess, settings: ServerSettings, told: Told) -> None:
    server.tend(settings, cast(Journal, told))


def until_gone(server: ServerProcess) -> None:
    clock = SystemClock()
    until_s = clock.monotonic_s() + PATIENCE_S
    while not server.gone:
        assert clock.monotonic_s() < until_s
        clock.sleep_s(0.01)


def test_nothing_is_started_where_nothing_is_wanted(tmp_path: Path, told: Told) -> None:
    server = hand(OBEYING, tmp_path, StillClock())
    tend(server, OFF, told)
    assert server.gone and not told.events


def test_it_ends_when_it_is_switched_off_and_that_is_no_alert(tmp_path: Path, told: Told) -> None:
    server = hand(OBEYING, tmp_path, StillClock())
    tend(server, ON, told)
    assert not server.gone
    tend(server, OFF, told)
    until_gone(server)
    tend(server, OFF, told)
    tend(server, OFF, told)
    assert told.events == ["server_started", "server_ended"] and not told.alerts


def test_another_port_means_another_process(tmp_path: Path, told: Told) -> None:
    server = hand(OBEYING, tmp_path, StillClock())
    other = ServerSettings(enabled=True, port=9001)
    tend(server, ON, told)
    tend(server, other, told)
    until_gone(server)
    tend(server, other, told)
    assert told.events == ["server_started", "server_ended", "server_started"]
    server.close()
    assert server.gone


def test_one_that_dies_is_started_again_after_longer_and_longer(tmp_path: Path, told: Told) -> None:
    clock = StillClock()
    server = hand(DYING, tmp_path, clock)
    for rest_s in (1, 2, 4, 8, 16, 32, LONGEST_REST_S, LONGEST_REST_S):
        tend(server, ON, told)
        until_gone(server)
        tend(server, ON, told)
        assert "port 9000 is taken" in told.alerts["server"]
        clock.pass_s(rest_s - 0.5)
        begun = len(told.events)
        tend(server, ON, told)
        assert len(told.events) == begun, "too early"
        clock.pass_s(0.5)
    tend(server, OFF, told)
    assert not told.alerts


def test_one_that_lives_settles_the_alert(tmp_path: Path, told: Told) -> None:
    clock = StillClock()
    server = hand(OBEYING, tmp_path, clock)
    told.alert("server", "it died before")
    tend(server, ON, told)
    clock.pass_s(SETTLED_S + 1)
    tend(server, ON, told)
    assert not told.alerts
    server.close()
    assert server.gone


def test_one_that_does_not_end_is_ended(tmp_path: Path, told: Told) -> None:
    clock = StillClock()
    server = hand(DEAF, tmp_path, clock)
    tend(server, ON, told)
    tend(server, OFF, told)
    assert not server.gone
    clock.pass_s(END_S + 1)
    tend(server, OFF, told)
    until_gone(server)
    server.close()
