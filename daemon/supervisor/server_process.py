"""The server as the supervisor knows it: started where the settings say so, and started again."""

from collections.abc import Sequence
from pathlib import Path

from daemon.clock import Clock
from daemon.settings_serving import ServerSettings
from daemon.supervisor.child import Child
from daemon.supervisor.journal import Journal
from daemon.supervisor.wakeups import Wakeups

LONGEST_REST_S = 60.0
SETTLED_S = 30.0
"""A server that has lived for so long came up well."""

END_S = 6.0
"""A server that was asked to end and has not is ended after so long."""

ALERT = "server"


class ServerProcess:
    """One server process. It takes no orders: the end of its stdin is the only one."""

    def __init__(self, argv: Sequence[str], cwd: Path, clock: Clock, wakeups: Wakeups) -> None:
        self._argv = argv
        self._cwd = cwd
        self._clock = clock
        self._wakeups = wakeups
        self._child: Child | None = None
        self._begun_with: ServerSettings | None = None
        self._begun_s = 0.0
        self._asked_s: float | None = None
        self._deaths = 0
        self._not_before_s = 0.0

    @property
    def gone(self) -> bool:
        """Whether no process is left."""
        return self._child is None or self._child.ended is not None

    def tend(self, settings: ServerSettings, journal: Journal) -> None:
        """Make what is there agree with the settings, a step at each look."""
        now_s = self._clock.monotonic_s()
        if self._child is not None:
            # Nothing is reported; the pipes must not fill.
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
        if self._asked_s is not None and now_s - self._asked_s > END_S:
            self.kill()
        if now_s - self._begun_s > SETTLED_S:
            self._deaths = 0
            journal.settle(ALERT)

    def leave(self) -> None:
        """Ask the process to end, once."""
        if self._child is not None and self._asked_s is None:
            self._asked_s = self._clock.monotonic_s()
            self._child.hang_up()

    def kill(self) -> None:
        """End the process now."""
        if self._child is not None:
            self._child.kill()

    def close(self) -> None:
        """End the process, if there is one left, and let go of its pipes."""
        if self._child is not None:
            self._child.kill()
            self._child.reap()
            self._child = None

    def _begin(self, settings: ServerSettings, journal: Journal, now_s: float) -> None:
        self._child = Child(self._argv, self._cwd, self._wakeups)
        self._begun_with, self._begun_s, self._asked_s = settings, now_s, None
        place = f"http://{settings.address}:{settings.port}"
        journal.event("server_started", f"the server is to answer at {place}", pid=self._child.pid)

    def _reap(self, journal: Journal, now_s: float) -> None:
        child = self._child
        if child is None or child.ended is None:
            return
        how, wanted = child.how_it_died(), self._asked_s is not None
        child.reap()
        self._child = None
        if wanted:
            journal.event("server_ended", "the server has ended as it was asked to")
            return
        rest_s = min(LONGEST_REST_S, 2.0**self._deaths)
        self._deaths += 1
        self._not_before_s = now_s + rest_s
        message = f"the server has ended ({how}); it is started again in {rest_s:.0f} s"
        journal.alert(ALERT, message)
