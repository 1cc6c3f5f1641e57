"""A Mac is held awake while a run goes on, whatever happens to the program that does so."""

from collections.abc import Iterator

import psutil
import pytest

from daemon.supervisor.keep_awake import KeepAwake

# Ended by the test; a stand-in for `caffeinate`, which only macOS has.
SLEEPS = ("/bin/sleep", "600")


@pytest.fixture(autouse=True)
def _mac_on_the_mains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setattr(psutil, "sensors_battery", lambda: None, raising=False)


@pytest.fixture
def awake() -> Iterator[KeepAwake]:
    found = KeepAwake(True, SLEEPS)
    yield found
    found.hold(False)


def test_one_that_was_ended_is_begun_again(awake: KeepAwake) -> None:
    """A killed `caffeinate` was never replaced: the Mac slept in the middle of the night's run."""
    awake.hold(True)
    first = awake._process
    assert first is not None
    first.kill()
    first.wait()
    awake.hold(True)
    second = awake._process
    assert second is not None and second.pid != first.pid and second.poll() is None


def test_it_ends_with_the_run(awake: KeepAwake) -> None:
    awake.hold(True)
    process = awake._process
    awake.hold(False)
    assert process is not None and process.poll() is not None


def test_a_machine_that_has_none_trains_all_the_same() -> None:
    """Its absence ended the supervisor."""
    KeepAwake(True, ("/nowhere/caffeinate",)).hold(True)
