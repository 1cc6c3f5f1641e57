"""Signals (SIGTERM, SIGINT), workers' lines and file events: they wake the supervisor early.

All of them are hints: the supervisor also looks at everything in regular intervals.
"""

import logging
import os
import selectors
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

_DISCARD = logging.NullHandler()


class Wakeups:
    """One selector over the workers' pipes and a self-pipe."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        self._selector.register(self._read, selectors.EVENT_READ)

    def wake(self) -> None:
        """End the wait now; safe from threads and signal handlers."""
        # A full pipe means that a wake-up is pending already.
        with suppress(BlockingIOError):
            os.write(self._write, b"!")

    def listen(self, descriptor: int) -> None:
        """Also wake when a worker writes to this pipe."""
        self._selector.register(descriptor, selectors.EVENT_READ)

    def forget(self, descriptor: int) -> None:
        """Stop watching a pipe that is about to be closed."""
        with suppress(KeyError):
            self._selector.unregister(descriptor)

    def wait(self, timeout_s: float) -> None:
        """Wait for anything, at most `timeout_s`."""
        self._selector.select(max(0.0, timeout_s))
        with suppress(BlockingIOError):
            while os.read(self._read, 4096):
                pass


class Signals:
    """SIGTERM and SIGINT stop the daemon, a second one at once; SIGHUP reloads the settings."""

    def __init__(self, wakeups: Wakeups) -> None:
        self._wakeups = wakeups
        self.stops = 0
        self.stopped_by: int | None = None
        """The signal that stopped the daemon."""

    def install(self) -> None:
        """Install the signal handlers."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on)

    def _on(self, number: int, _frame: FrameType | None) -> None:
        if number != signal.SIGHUP:
            self.stops += 1
            self.stopped_by = number
        self._wakeups.wake()


class _Hint(FileSystemEventHandler):
    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake

    def on_any_event(self, event: FileSystemEvent) -> None:
        # Opening and reading change nothing, and the supervisor's own reads would wake it forever.
        if event.event_type not in ("opened", "closed_no_write"):
            self._wake()


class Watcher:
    """File events in the folders that users write to; without them the daemon polls."""

    def __init__(self, folders: tuple[Path, ...], wakeups: Wakeups) -> None:
        self._folders = folders
        self._wakeups = wakeups
        # It logs a warning to the terminal for an event during shutdown; nothing is lost.
        logging.getLogger("watchdog").addHandler(_DISCARD)
        self._observer: BaseObserver | None = None
        self._watched: tuple[tuple[int, int], ...] = ()
        self.state = "off"

    def keep(self) -> None:
        """Start watching, or start again after a folder was replaced."""
        present = tuple(_identities(self._folders))
        if self._observer is not None and present == self._watched and self._alive():
            return
        self.stop()
        observer = Observer()
        try:
            for folder in self._folders:
                if folder.is_dir():
                    observer.schedule(_Hint(self._wakeups.wake), str(folder), recursive=True)
            observer.start()
        except Exception as error:  # noqa: BLE001 - each platform raises its own; events are a hint
            # Threads started before the failure would run on beside the next attempt.
            _end(observer)
            self.state = f"degraded (polling): {_reason(error)}"
            return
        self._observer, self._watched, self.state = observer, present, "events"

    def _alive(self) -> bool:
        """Return whether events still arrive: the observer outlives its emitter threads."""
        observer = self._observer
        if observer is None or not observer.is_alive():
            return False
        return all(emitter.is_alive() for emitter in observer.emitters)

    def stop(self) -> None:
        """Stop watching."""
        observer, self._observer = self._observer, None
        if observer is not None:
            _end(observer)
        self.state = "off"


@dataclass(frozen=True)
class WakeupSources:
    """The wait of the supervisor, and the two things besides its workers that end it."""

    wakeups: Wakeups
    signals: Signals
    watcher: Watcher


def watch(folders: tuple[Path, ...]) -> WakeupSources:
    """Return the wait of a supervisor that is woken by signals and by changes of folders."""
    wakeups = Wakeups()
    return WakeupSources(wakeups, Signals(wakeups), Watcher(folders, wakeups))


def _end(observer: BaseObserver) -> None:
    # An observer that never started cannot be joined; one with a broken stream may not stop.
    with suppress(OSError, RuntimeError, SystemError):
        observer.stop()
        observer.join(2.0)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return str(error)
    return f"{type(error).__name__}: {error}"


def _identities(folders: tuple[Path, ...]) -> Iterator[tuple[int, int]]:
    for folder in folders:
        with suppress(OSError):
            found = folder.stat()
            yield (found.st_dev, found.st_ino)
