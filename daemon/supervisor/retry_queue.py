"""Writes that must succeed before the next decision, retried in order after a disk error."""

from collections.abc import Callable


class RetryQueue:
    """Pending writes, in order; one that the disk refused stays first."""

    def __init__(self) -> None:
        self._writes: list[Callable[[], None]] = []

    def add(self, write: Callable[[], None]) -> None:
        """Queue a write."""
        self._writes.append(write)

    def flush(self, leaving: bool) -> None:
        """Perform all writes; with `leaving` errors are ignored, at the cost of a counted attempt.

        Raises:
            OSError: the disk refused; the remaining writes stay queued.
        """
        try:
            while self._writes:
                self._writes[0]()
                self._writes.pop(0)
        except OSError:
            if not leaving:
                raise
