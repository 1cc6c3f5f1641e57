"""File events are a hint: a watch that fails or dies is told, made again, and never needed."""

import errno
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.supervisor.signals import Wakeups, Watcher

PATIENCE_S = 30.0


class Heard(Wakeups):
    """Remembers that it was woken."""

    def __init__(self) -> None:
        super().__init__()
        self.woken = threading.Event()

    def wake(self) -> None:
        self.woken.set()


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def watcher(tmp_path: Path, heard: Heard) -> Iterator[Watcher]:
    (tmp_path / "inbox").mkdir()
    found = Watcher((tmp_path / "inbox",), heard)
    yield found
    found.stop()


def is_woken_by_a_file(heard: Heard, folder: Path) -> bool:
    heard.woken.clear()
    (folder / "a.jsonl").write_text("{}")
    return heard.woken.wait(PATIENCE_S)


def test_a_folder_that_was_made_again_is_watched_again(
    watcher: Watcher, heard: Heard, tmp_path: Path
) -> None:
    """Fault N9."""
    watcher.keep()
    (tmp_path / "inbox").rename(tmp_path / "elsewhere")
    (tmp_path / "inbox").mkdir()
    watcher.keep()
    assert watcher.state == "events"
    assert is_woken_by_a_file(heard, tmp_path / "inbox")


def test_a_watch_whose_thread_has_died_is_made_again(
    watcher: Watcher, heard: Heard, tmp_path: Path
) -> None:
    """Faults N8, Q11."""
    watcher.keep()
    observer = watcher._observer
    assert observer is not None
    observer.stop()
    observer.join()
    watcher.keep()
    assert is_woken_by_a_file(heard, tmp_path / "inbox")


def test_without_events_it_says_so_and_the_daemon_polls(
    watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault N8."""

    def exhausted(_: object) -> None:
        raise OSError(errno.ENOSPC, "inotify watch limit reached")

    monkeypatch.setattr("watchdog.observers.api.BaseObserver.start", exhausted)
    watcher.keep()
    assert watcher.state.startswith("degraded (polling)")


@pytest.mark.parametrize("kind", [RuntimeError, SystemError, TypeError])
def test_events_that_fail_to_start_in_any_way_leave_rescans_and_a_reason(
    watcher: Watcher, monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    """Only an OSError was expected: the stream of macOS raises others, and the supervisor ended."""

    def refused(_: object) -> None:
        raise kind("cannot start the stream")

    monkeypatch.setattr("watchdog.observers.api.BaseObserver.start", refused)
    watcher.keep()
    assert watcher.state == f"degraded (polling): {kind.__name__}: cannot start the stream"
    monkeypatch.undo()
    watcher.keep()
    assert watcher.state == "events"


def test_a_start_that_fails_half_way_leaves_no_thread_behind(
    watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was started before the failure went on, once more with every attempt."""
    before = set(threading.enumerate())

    def refused(_: object) -> None:
        raise RuntimeError("no dispatcher")

    monkeypatch.setattr("watchdog.observers.api.EventDispatcher.start", refused, raising=False)
    watcher.keep()
    assert watcher.state.startswith("degraded (polling)")
    assert set(threading.enumerate()) <= before


def test_a_watch_that_has_lost_its_stream_is_made_again(
    watcher: Watcher, heard: Heard, tmp_path: Path
) -> None:
    """Only the observer was looked at: it lives on when the thread it hears from has died."""
    watcher.keep()
    observer = watcher._observer
    assert observer is not None
    for emitter in list(observer.emitters):
        emitter.stop()
        emitter.join()
    watcher.keep()
    assert is_woken_by_a_file(heard, tmp_path / "inbox")
