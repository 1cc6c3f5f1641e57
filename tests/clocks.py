"""A clock that stands still until a test moves it."""

from datetime import UTC, datetime, timedelta


class StillClock:
    """Both clocks of `daemon.clock.Clock`, moved by hand."""

    def __init__(self) -> None:
        self._elapsed_s = 0.0

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self._elapsed_s)

    def monotonic_s(self) -> float:
        return self._elapsed_s

    def sleep_s(self, seconds: float) -> None:
        self._elapsed_s += seconds

    def pass_s(self, seconds: float) -> None:
        """Let time go by."""
        self._elapsed_s += seconds
