"""What a supervisor is built of, within reach of a test that exchanges one or looks at it."""

from dataclasses import dataclass
from pathlib import Path

from daemon import app
from daemon.clock import Clock, SystemClock
from daemon.layout import Layout
from daemon.supervisor.disk_trouble import DiskTrouble
from daemon.supervisor.journal import Journal
from daemon.supervisor.notify import Notifier
from daemon.supervisor.publish import Publisher
from daemon.supervisor.signals import WakeupSources, watch
from daemon.supervisor.supervisor import Supervisor
from daemon.supervisor.workers import Workers
from daemon.supervisor.workspace import Workspace


@dataclass(frozen=True)
class Parts:
    """Those of a daemon with a stand-in trainer."""

    workspace: Workspace
    workers: Workers
    sources: WakeupSources
    journal: Journal
    clock: Clock

    def supervisor(self) -> Supervisor:
        return Supervisor(
            self.workspace,
            self.workers,
            self.sources,
            self.journal,
            Notifier(),
            self.clock,
        )

    def trouble(self) -> DiskTrouble:
        return DiskTrouble(self.workspace, self.journal, self.clock)

    def publisher(self, trouble: DiskTrouble | None = None) -> Publisher:
        return Publisher(
            self.workspace,
            self.workers,
            self.sources.watcher,
            self.journal,
            trouble or self.trouble(),
            self.clock,
        )


def parts_of(root: Path, clock: Clock | None = None) -> Parts:
    """Return the parts of a daemon; only what is built later goes by another clock."""
    layout, system = Layout(root), SystemClock()
    workspace = app.open_workspace(layout, system)
    journal = app.start_journal(workspace, False, system)
    sources = watch((layout.inbox, layout.control))
    workers = app.make_workers(workspace, True, system, sources.wakeups)
    return Parts(workspace, workers, sources, journal, clock or system)
