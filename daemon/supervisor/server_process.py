"""Runs the HTTP server as a child process: starts, restarts and ends it as the settings say."""

from collections.abc import Sequence
from pathlib import Path

from daemon.clock import Clock
from daemon.settings_serving import ServerSettings
from daemon.supervisor.child import Child
from daemon.supervisor.journal import Journal
from daemon.supervisor.signals import Wakeups

LONGEST_REST_S = 60.0
SETTLED_S = 30.0
"""A server that has run for this long has started properly."""

END_S = 6.0
"""How long a server may take to end before it is killed."""

ALERT = "server"


class ServerProcess:
    """One server process. It takes no orders but the end of its stdin."""

    def __init__(self, argv: Sequence[str], cwd: Path, clock: Clock, wakeups: Wakeups) -> None:
        self._argv = argv
        self._cwd = cwd
        self._clock = clock
        self._wakeups = wakeups
        self._child: Child | None = None
        self._begun_with: ServerSettings | None = None
        self._begun_s = 0.0
        self._closed_s: float | None = None
        self._deaths = 0
        self._not_before_s = 0.0

    @property
    def gone(self) -> bool:
        """Whether the process has ended."""
        return self._child is None or self._child.ended is not None

    def tend(self, settings: ServerSettings, journal: Journal) -> None:
        """Bring the process in line with the settings, one step per tick."""
        now_s = self._clock.monotonic_s()
        if self._child is not None:
            # It reports nothing, but the pipes must not fill up.
            self._child.read_reports()
            self._reap(journal, now_s)
        if self._child is None:
            if settings.enabled and now_s >= self._not_before_s:
                self._begin(settings, journal, now_s)
            elif not settings.enabled:
                journal.settle(ALERT)
            return
        if self._begun_with != settings:
            self.leave()
        if self._closed_s is not None and now_s - self._closed_s > END_S:
            self.kill()
        if now_s - self._begun_s > SETTLED_S:
            self._deaths = 0
            journal.settle(ALERT)

    def leave(self) -> None:
        """Close the stdin of the process, once, at which it ends."""
        if self._child is not None and self._closed_s is None:
            self._closed_s = self._clock.monotonic_s()
            self._child.hang_up()

    def kill(self) -> None:
        """Kill the process."""
        if self._child is not None:
            self._child.kill()

    def close(self) -> None:
        """Kill the process, if it still runs, and close its pipes."""
        if self._child is not None:
            self._child.kill()
            self._child.reap()
            self._child = None

    def _begin(self, settings: ServerSettings, journal: Journal, now_s: float) -> None:
        self._child = Child(self._argv, self._cwd, self._wakeups)
        self._begun_with, self._begun_s, self._closed_s = settings, now_s, None
        place = f"http://{settings.address}:{settings.port}"
        journal.event("server_started", f"the server will listen at {place}", pid=self._child.pid)

    def _reap(self, journal: Journal, now_s: float) -> None:
        child = self._child
        if child is None or child.ended is None:
            return
        how, wanted = child.how_it_died(), self._closed_s is not None
        child.reap()
        self._child = None
        if wanted:
            journal.event("server_ended", "the server has ended as requested")
            return
        rest_s = min(LONGEST_REST_S, 2.0**self._deaths)
        self._deaths += 1
        self._not_before_s = now_s + rest_s
        message = f"the server has ended ({how}); restarting in {rest_s:.0f} s"
        journal.alert(ALERT, message)
