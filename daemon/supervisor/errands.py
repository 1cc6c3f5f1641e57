"""Work proportional to a file's size, away from the tick: checksums and second copies."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from daemon.folders import models
from daemon.folders.models import Models
from daemon.layout import Layout


class Errands:
    """One thread beside the tick; it decides nothing and its results are read by the next look."""

    def __init__(self, layout: Layout, store: Models, wake: Callable[[], None]) -> None:
        self._layout = layout
        self._store = store
        self._wake = wake
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="errands")
        self._checks: dict[str, Future[str | None]] = {}
        self._copies: dict[str, Future[None]] = {}

    def verify(self, version: str) -> None:
        """Begin to read a version's checksums, unless that is under way."""
        if version not in self._checks:
            self._checks[version] = self._run(models.verify, self._layout.version(version))

    def _run(self, work: Callable[[Path], str | None], path: Path) -> "Future[str | None]":
        future = self._thread.submit(work, path)
        future.add_done_callback(lambda _: self._wake())
        return future

    def verified(self) -> dict[str, bool]:
        """Return the versions whose checksums were read, and whether they agree."""
        return {name: f.result() is None for name, f in self._checks.items() if f.done()}

    def forget(self, version: str) -> None:
        """Have a version's checksums read anew the next time."""
        self._checks.pop(version, None)

    def back_up(self, version: str) -> None:
        """Begin to copy a version, unless that is under way."""
        if version not in self._copies:
            self._copies[version] = self._thread.submit(self._store.back_up, version)

    def failed_copies(self) -> dict[str, str]:
        """Return the copies that did not succeed, with the reason, and forget them."""
        failed = {
            name: str(f.exception())
            for name, f in self._copies.items()
            if f.done() and f.exception()
        }
        for name in [name for name, f in self._copies.items() if f.done()]:
            del self._copies[name]
        return failed

    def close(self) -> None:
        """Wait for the errand in hand; the others are dropped."""
        self._thread.shutdown(wait=True, cancel_futures=True)
