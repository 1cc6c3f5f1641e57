"""The clock that is passed to everything that needs time: wall time, monotonic time, sleeping."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """The interface of a clock; tests pass one of their own."""

    def now(self) -> datetime:
        """Return the wall clock as an aware UTC time; it may jump."""
        ...

    def monotonic_s(self) -> float:
        """Return seconds that never go backwards; only differences are meaningful.

        They do not advance while the machine sleeps, on Linux and on macOS.
        """
        ...

    def sleep_s(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        return time.monotonic()

    def sleep_s(self, seconds: float) -> None:
        time.sleep(seconds)
