"""Work proportional to a file's size, away from the tick: checksums, second copies, arrivals."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from daemon.core.decisions.snapshot import Drop
from daemon.folders.inbox import arrivals
from daemon.folders.models import models
from daemon.folders.models.models import Models
from daemon.layout import Layout

Files = frozenset[tuple[str, int, int, int]]


class BackgroundTasks:
    """One thread beside the tick; it decides nothing and its results are read by the next look."""

    def __init__(self, layout: Layout, store: Models, wake: Callable[[], None]) -> None:
        self._layout = layout
        self._store = store
        self._wake = wake
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="errands")
        self._closing = threading.Event()
        self._checks: dict[str, tuple[Files, Future[str | None]]] = {}
        self._copies: dict[str, Future[None]] = {}
        self._fetches: dict[tuple[str, str], tuple[Drop, Future[None]]] = {}
        self._passing: dict[str, Future[None]] = {}

    def verify(self, version: str) -> None:
        """Begin to read a version's checksums, unless that is under way."""
        if version not in self._checks:
            folder = self._layout.version(version)
            self._checks[version] = _files_in(folder), self._run(models.verify, folder)

    def _run(self, work: Callable[[Path], str | None], path: Path) -> "Future[str | None]":
        future = self._thread.submit(work, path)
        future.add_done_callback(lambda _: self._wake())
        return future

    def verified(self) -> dict[str, bool]:
        """Return the versions whose checksums were read, and whether they agree.

        What was read of files that were replaced since, from a second copy say, is no answer.
        """
        over = {name: (files, f) for name, (files, f) in self._checks.items() if f.done()}
        for name, (files, _) in over.items():
            if files != _files_in(self._layout.version(name)):
                self.forget(name)
        return {name: f.result() is None for name, (_, f) in over.items() if name in self._checks}

    def forget(self, version: str) -> None:
        """Have a version's checksums read anew the next time."""
        self._checks.pop(version, None)

    def back_up(self, version: str) -> None:
        """Begin to copy a version, unless that is under way."""
        if version not in self._copies:
            self._copies[version] = self._thread.submit(self._store.back_up, version)

    def failed_copies(self) -> dict[str, str]:
        """Return the copies that did not succeed, with the reason, and forget them."""
        # Asked once: one that ends in between must not be forgotten unheard.
        over = {name: f.exception() for name, f in self._copies.items() if f.done()}
        for name in over:
            del self._copies[name]
        return {name: str(error) for name, error in over.items() if error is not None}

    def fetch(self, drop: Drop, files: arrivals.Files) -> None:
        """Begin to copy a file from another volume, unless that is under way."""
        if not self.fetching(drop):
            future = self._thread.submit(
                arrivals.fetch, self._layout, drop, files, self._closing.is_set
            )
            future.add_done_callback(lambda _: self._wake())
            self._fetches[_key(drop)] = drop, future

    def fetching(self, drop: Drop) -> bool:
        """Return whether a file is being copied, or waits to be."""
        return drop.arrival is None and _key(drop) in self._fetches

    def fetched(self) -> list[tuple[Drop, BaseException | None]]:
        """Return the files whose copying is over, with what it failed of, and forget them."""
        over = [(drop, f.exception()) for drop, f in self._fetches.values() if f.done()]
        for drop, _ in over:
            del self._fetches[_key(drop)]
        return over

    def pass_on(self, name: str, copy: Callable[[], None]) -> bool:
        """Begin to copy a large file that was written over; return true when that is over.

        Raises:
            Exception: what ended the copying; the next call begins it anew.
        """
        future = self._passing.get(name)
        if future is None:
            future = self._passing[name] = self._thread.submit(copy)
            future.add_done_callback(lambda _: self._wake())
        if not future.done():
            return False
        self._passing.pop(name).result()
        return True

    def close(self) -> None:
        """Wait for the errand in hand; the others are dropped, and a copy for a job is left off."""
        self._closing.set()
        self._thread.shutdown(wait=True, cancel_futures=True)


def _files_in(folder: Path) -> Files:
    """Return the files of a version with inode, size and time of the last change."""
    try:
        found = [(entry.name, entry.stat()) for entry in os.scandir(folder)]
    except OSError:
        return frozenset()
    return frozenset((name, f.st_ino, f.st_size, f.st_ctime_ns) for name, f in found)


def _key(drop: Drop) -> tuple[str, str]:
    return drop.priority, drop.name
