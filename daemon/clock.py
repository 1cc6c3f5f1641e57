"""Time, passed in: the one home of the wall clock, the monotonic clock and sleeping."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the rest of the package may know about time."""

    def now(self) -> datetime:
        """Return the wall clock as an aware UTC time; it may jump."""
        ...

    def monotonic_s(self) -> float:
        """Return seconds that never go back; only differences mean anything.

        They stand still while the machine sleeps, on Linux and on macOS.
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
