"""Handles disk errors: alerts, waits with backoff, and gives up when the disk stays broken."""

from daemon.clock import Clock
from daemon.core.decisions.patience import Patience
from daemon.errors import DiskFault, is_disk_full
from daemon.layout import Layout
from daemon.supervisor.journal import Journal
from daemon.supervisor.worker_process import FULL_REST_S
from daemon.supervisor.workspace import Workspace


class DiskTrouble:
    """The failures in a row of one daemon."""

    def __init__(self, workspace: Workspace, journal: Journal, clock: Clock) -> None:
        self._layout = workspace.layout
        self._status = workspace.status
        self._journal = journal
        self._clock = clock
        self._patience = Patience()
        self._ground = _identity(workspace.layout)
        self._not_before_s = 0.0
        self.full = False
        """Whether there is no room."""
        self.error: str | None = None
        """The last error of another kind, until a change succeeds."""

    def check_ground(self) -> None:
        """Check that the workspace is still the one in which this daemon started.

        Raises:
            DiskFault: it was removed or replaced.
        """
        if _identity(self._layout) != self._ground:
            root = self._layout.root
            raise DiskFault(
                "workspace_gone",
                f"the workspace {root} was removed, moved or replaced under its daemon, which has "
                "ended: restore it, then start the daemon there again",
            )

    def met(self, error: OSError, what: str) -> float:
        """Report an error; return how many seconds to wait before the next try.

        Raises:
            DiskFault: the workspace is gone, or the disk has been broken for long.
        """
        self.check_ground()
        if is_disk_full(error):
            self.no_room(str(error.strerror))
            return FULL_REST_S
        now_s = self._clock.monotonic_s()
        self._patience = self._patience.after(error, now_s)
        if self._patience.spent(now_s):
            raise DiskFault(
                "disk_broken",
                f"the disk of {self._layout.root} has refused {self._patience.broken} "
                f"times in a row, the last time: {error}; the daemon has ended: repair the disk "
                "or mount it for writing, then start it again",
            )
        message = f"{what} failed: {error}; trying again"
        self.error = message
        self._journal.alert("disk", message)
        self._not_before_s = now_s + self._patience.rest_s
        return self._patience.rest_s

    @property
    def resting(self) -> bool:
        """Whether the next try is not due yet."""
        return self._clock.monotonic_s() < self._not_before_s

    def no_room(self, how: str) -> None:
        """Report that the disk is full, using the space reserved for that."""
        self.full = True
        self._status.release_reserve()
        self._journal.alert("disk_full", f"the disk is full ({how})")

    def over(self) -> None:
        """Reset: a write has succeeded."""
        self._patience = Patience()
        self._not_before_s = 0.0
        self._journal.settle("disk")
        self.error = None
        if self.full:
            self.full = False
            self._status.reserve()
            self._journal.settle("disk_full")


def _identity(layout: Layout) -> tuple[int, int, int] | None:
    """Return what distinguishes this workspace from another one put in its place.

    The inode of the directory alone may be reused; that of the lock is not, because this daemon
    holds it open.
    """
    try:
        found = layout.queue.stat()
        lock = layout.workspace_lock
        return found.st_dev, found.st_ino, lock.stat().st_ino if lock.exists() else 0
    except OSError:
        return None
