"""Sleep is held off by a program, as long as a run goes on."""

import sys
from collections.abc import Iterator

import psutil
import pytest

from daemon.supervisor.keep_awake import KeepAwake

WAITS = (sys.executable, "-c", "import sys; sys.stdin.read()")


@pytest.fixture
def awake(monkeypatch: pytest.MonkeyPatch) -> Iterator[KeepAwake]:
    # A container has a battery or none: this is about mains.
    monkeypatch.setattr("daemon.supervisor.keep_awake._on_mains", lambda: True)
    made = KeepAwake(True, (sys.executable, "-c", "import time; time.sleep(600)"))
    yield made
    made.hold(False)


def holders() -> list[psutil.Process]:
    found = psutil.Process().children()
    return [one for one in found if one.status() != psutil.STATUS_ZOMBIE]


def test_one_that_was_killed_is_replaced(awake: KeepAwake) -> None:
    """It was taken for alive for ever: the Mac went to sleep in the middle of a run."""
    before = set(holders())
    awake.hold(True)
    (first,) = set(holders()) - before
    awake.hold(True)
    assert set(holders()) - before == {first}
    first.kill()
    psutil.wait_procs([first])
    awake.hold(True)
    (second,) = set(holders()) - before
    assert second.pid != first.pid
    awake.hold(False)
    assert not set(holders()) - before


def test_one_that_ended_after_the_run_is_not_missed(awake: KeepAwake) -> None:
    before = set(holders())
    awake.hold(True)
    (first,) = set(holders()) - before
    first.kill()
    awake.hold(False)
    assert not set(holders()) - before


def test_where_it_is_not_wanted_none_is_started() -> None:
    before = set(holders())
    KeepAwake(False, WAITS).hold(True)
    assert set(holders()) == before
