"""What a service manager hears, over a real datagram socket."""

import os
import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from daemon.settings import Settings
from daemon.supervisor.notify import Notifier, notifier_of
from daemon.supervisor.supervisor import HEARTBEAT_S, Supervisor
from tests.sockets import short_folder


@pytest.fixture
def manager() -> Iterator[socket.socket]:
    with short_folder() as short, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(str(short / "notify"))
        made.setblocking(False)
        yield made


def heard(manager: socket.socket) -> list[str]:
    found = []
    while True:
        try:
            found.append(manager.recv(4096).decode())
        except BlockingIOError:
            return found


def test_a_watched_daemon_tells_each_tick_and_the_state_when_it_changes(
    manager: socket.socket,
) -> None:
    notifier = notifier_of({"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "3000000"}, 7)
    notifier.ready()
    for status in ("idle: drop\na file", "idle: drop\na file", "training: r000001"):
        notifier.alive(status)
    notifier.stopping()
    assert notifier.every_s == 1.5
    assert heard(manager) == [
        "READY=1",
        "WATCHDOG=1\nSTATUS=idle: drop a file",
        "WATCHDOG=1",
        "WATCHDOG=1\nSTATUS=training: r000001",
        "STOPPING=1",
    ]


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"WATCHDOG_USEC": "9", "WATCHDOG_PID": "8"},
        {"WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "0"},
    ],
)
def test_without_a_watchdog_of_its_own_only_changes_are_told(
    manager: socket.socket, facts: dict[str, str]
) -> None:
    notifier = notifier_of({"NOTIFY_SOCKET": manager.getsockname(), **facts}, 7)
    notifier.alive("idle")
    notifier.alive("idle")
    assert notifier.every_s is None
    assert heard(manager) == ["STATUS=idle"]


@pytest.mark.parametrize(("watchdog_s", "pause_s"), [(None, HEARTBEAT_S), (1.0, 0.5)])
def test_an_idle_daemon_is_heard_twice_in_the_time_of_its_watchdog(
    manager: socket.socket, watchdog_s: float | None, pause_s: float
) -> None:
    supervisor: Any = object.__new__(Supervisor)
    settings = SimpleNamespace(now=Settings())
    supervisor._workspace = SimpleNamespace(settings=settings)
    supervisor._notify = Notifier(manager.getsockname(), watchdog_s)
    assert supervisor._pause_s(SimpleNamespace(settling=(), commands=())) == pause_s


@pytest.mark.linux("abstract socket names")
def test_an_abstract_name_is_written_with_an_at() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        name = f"finetuned-test-{os.getpid()}"
        manager.bind(f"\0{name}")
        manager.setblocking(False)
        Notifier(f"@{name}").ready()
        assert heard(manager) == ["READY=1"]


@pytest.mark.parametrize("address", [None, "", "vsock:2:1", "/nowhere/notify", "/" + "x" * 300])
def test_a_manager_that_cannot_be_told_harms_nothing(address: str | None) -> None:
    notifier = Notifier(address, 1.0)
    notifier.ready()
    notifier.alive("half of a pair: \ud800")
    notifier.stopping()


def test_a_status_that_is_no_text_is_told_escaped(manager: socket.socket) -> None:
    Notifier(manager.getsockname()).alive("job \udcff")
    assert heard(manager) == ["STATUS=job \\udcff"]
