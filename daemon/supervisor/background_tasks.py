"""Background thread for work that grows with file size: checksums, backups, copies from afar."""

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
    """One thread beside the main loop, whose results the next snapshot picks up."""

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
        """Start verifying a version's checksums, unless that is under way."""
        if version not in self._checks or self._is_outdated(version):
            folder = self._layout.version(version)
            self._checks[version] = _files_in(folder), self._run(models.verify, folder)

    def _run(self, work: Callable[[Path], str | None], path: Path) -> "Future[str | None]":
        future = self._thread.submit(work, path)
        future.add_done_callback(lambda _: self._wake())
        return future

    def verified(self) -> dict[str, bool]:
        """Return the versions whose checksums were read, and whether they match.

        A result for files that were replaced since, from a backup for example, is discarded.
        """
        over = {name: f for name, (_, f) in self._checks.items() if f.done()}
        return {name: f.result() is None for name, f in over.items() if not self._is_outdated(name)}

    def _is_outdated(self, version: str) -> bool:
        files, check = self._checks[version]
        return check.done() and files != _files_in(self._layout.version(version))

    def forget(self, version: str) -> None:
        """Discard the result of a version, so that it is verified again the next time."""
        self._checks.pop(version, None)

    def back_up(self, version: str) -> None:
        """Start copying a version to the backups, unless that is under way."""
        if version not in self._copies:
            self._copies[version] = self._thread.submit(self._store.back_up, version)

    def take_failed_copies(self) -> dict[str, str]:
        """Return the failed copies with the reason, and forget all that have ended."""
        # `done` is read once: a copy that ends in between must not be dropped unreported.
        over = {name: f.exception() for name, f in self._copies.items() if f.done()}
        for name in over:
            del self._copies[name]
        return {name: str(error) for name, error in over.items() if error is not None}

    def fetch(self, drop: Drop, files: arrivals.Files) -> None:
        """Start copying a file from another volume, unless that is under way."""
        if not self.fetching(drop):
            future = self._thread.submit(
                arrivals.fetch, self._layout, drop, files, self._closing.is_set
            )
            future.add_done_callback(lambda _: self._wake())
            self._fetches[_key(drop)] = drop, future

    def fetching(self, drop: Drop) -> bool:
        """Return whether a file is being copied or waits for it."""
        return drop.arrival is None and _key(drop) in self._fetches

    def take_fetched(self) -> list[tuple[Drop, BaseException | None]]:
        """Return the files whose copy has ended, each with its error if any, and forget them."""
        over = [(drop, f.exception()) for drop, f in self._fetches.values() if f.done()]
        for drop, _ in over:
            del self._fetches[_key(drop)]
        return over

    def pass_on(self, name: str, copy: Callable[[], None]) -> bool:
        """Start copying a large file that was overwritten; return whether the copy is finished.

        Raises:
            Exception: the copy failed; the next call starts it again.
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
        """Wait for the current task and cancel pending ones; a copy for a job breaks off."""
        self._closing.set()
        self._thread.shutdown(wait=True, cancel_futures=True)


def _files_in(folder: Path) -> Files:
    """Return the files of a version with inode, size and ctime."""
    try:
        found = [(entry.name, entry.stat()) for entry in os.scandir(folder)]
    except OSError:
        return frozenset()
    return frozenset((name, f.st_ino, f.st_size, f.st_ctime_ns) for name, f in found)


def _key(drop: Drop) -> tuple[str, str]:
    return drop.priority, drop.name
