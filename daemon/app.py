"""Builds the object graph: the one place that chooses implementations and the workers' commands."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import setproctitle

from daemon.clock import Clock, SystemClock
from daemon.errors import DiskFault, ExitCode, UserFault, is_disk_full
from daemon.folders.control import Control
from daemon.folders.disk import access, atomic, locks
from daemon.folders.inbox.inbox import Inbox
from daemon.folders.inbox.late_writes import LateWrites
from daemon.folders.models.models import Models
from daemon.folders.orders.audits import Audits
from daemon.folders.orders.orders import Orders
from daemon.folders.queue.ledger import Ledger
from daemon.folders.queue.queue import Queue
from daemon.folders.runs.run_requests import RunRequests
from daemon.folders.status.logs import open_log
from daemon.folders.status.status import StatusFolder
from daemon.layout import QUEUE_STATES, Layout
from daemon.settings_file import read_settings
from daemon.supervisor.background_tasks import BackgroundTasks
from daemon.supervisor.journal import BOOT_FACTOR, Journal
from daemon.supervisor.notify import notifier_of
from daemon.supervisor.rebuild import Rebuilt, rebuild
from daemon.supervisor.server_process import ServerProcess
from daemon.supervisor.settings_watch import SettingsWatch
from daemon.supervisor.signals import Wakeups, watch
from daemon.supervisor.supervisor import Supervisor
from daemon.supervisor.worker_process import FULL_REST_S, WorkerProcess
from daemon.supervisor.workers import Workers
from daemon.supervisor.workspace import Workspace

TRAINER_WAIT_S = 10.0
Built = TypeVar("Built")


class Daemon:
    """A supervisor with the workspace lock around it."""

    def __init__(self, root: Path, *, rehearse: bool, console: bool, as_root: bool = False) -> None:
        """`as_root` lets root run the daemon of another user's workspace."""
        self._as_root = as_root
        self._layout = Layout(root.resolve())
        self._rehearse = rehearse
        self._console = console

    def run(self, until_idle: bool) -> ExitCode:
        """Run the workspace's daemon.

        Raises:
            BusyFault: another daemon holds it, or the model lock cannot be freed.
            OwnerFault: it is another user's, and this is root.
            DaemonFault: the workspace cannot be used.
        """
        with _in_time(self._lock):
            setproctitle.setproctitle(f"finetuned supervisor {self._layout.root}")
            return _in_time(self._supervisor).run(until_idle)

    def obey_once(self) -> None:
        """Carry out the control files once, without a running daemon."""
        with self._lock():
            self._supervisor().obey_once()

    def carry_out_alone(self, order: str) -> int | None:
        """Carry out one order and nothing else, without a running daemon.

        Returns the signal that ended it, if one did.

        Raises:
            BusyFault, DaemonFault: as `run`.
        """
        with self._lock(note=order):
            supervisor = self._supervisor(only_order=order)
            supervisor.run(until_idle=True)
            return supervisor.stopped_by

    def _supervisor(self, only_order: str | None = None) -> Supervisor:
        return make_supervisor(
            self._layout, rehearse=self._rehearse, console=self._console, only_order=only_order
        )

    def _lock(self, note: str = "") -> locks.Lock:
        if not self._layout.root.is_dir():
            raise UserFault(
                "no_workspace",
                f"{self._layout.root} is not a directory: run 'finetuned init' first",
            )
        if not self._as_root:
            access.refuse_foreign_root(self._layout.root)
        # Before the first file is created, the lock's own folder included.
        access.restrict(read_settings(self._layout.settings_file).access)
        lock = locks.acquire_or_explain(
            self._layout.workspace_lock, f"the workspace {self._layout.root}", note
        )
        locks.end_holder(self._layout.trainer_lock, TRAINER_WAIT_S, SystemClock())
        return lock


def _in_time(make: Callable[[], Built]) -> Built:
    """Return what is built; on a full disk wait for space: not even a status can be written.

    Raises:
        DiskFault: the disk refused for another reason.
    """
    reported = False
    while True:
        try:
            return make()
        except OSError as error:
            if not is_disk_full(error):
                message = f"the daemon cannot start: {error}"
                raise DiskFault("workspace_unusable", message) from error
            if not reported:
                sys.stderr.write(f"the disk is full ({error}): waiting for room\n")
            reported = True
            SystemClock().sleep_s(FULL_REST_S)


def obey_once(root: Path) -> None:
    """Carry out the requests in `control/`, for commands given without a running daemon."""
    Daemon(root, rehearse=False, console=False).obey_once()


def rebuild_ledger(root: Path) -> Rebuilt:
    """Rebuild the ledger of a workspace from its folders, without a running daemon.

    Raises:
        BusyFault: a daemon holds the workspace.
        DaemonFault: a newer version wrote the ledger or a job.
        UserFault: the new ledger cannot be written.
    """
    layout = Layout(root.resolve())
    with locks.acquire_or_explain(layout.workspace_lock, f"the workspace {layout.root}"):
        return rebuild(layout, SystemClock())


def make_supervisor(
    layout: Layout, *, rehearse: bool, console: bool, only_order: str | None = None
) -> Supervisor:
    """Return the supervisor of a workspace whose lock is held, with its collaborators."""
    clock = SystemClock()
    workspace = open_workspace(layout, clock)
    journal = start_journal(workspace, console, clock)
    sources = watch((layout.inbox, layout.control))
    workers = make_workers(workspace, rehearse, clock, sources.wakeups)
    notify = notifier_of(os.environ, os.getpid())
    return Supervisor(workspace, workers, sources, journal, notify, clock, only_order=only_order)


def open_workspace(layout: Layout, clock: Clock) -> Workspace:
    """Create the missing folders of a workspace, and return the writer of each."""
    settings = SettingsWatch(layout.settings_file)
    now = settings.now
    workspace = Workspace(
        layout=layout,
        inbox=Inbox(layout, now.inbox, clock),
        late_writes=LateWrites(layout, now.inbox, clock),
        queue=Queue(layout, clock),
        control=Control(layout, clock),
        status=StatusFolder(layout, now.log.max_bytes, now.log.keep),
        models=Models(layout),
        runs=RunRequests(layout),
        orders=Orders(layout),
        audits=Audits(layout),
        ledger=Ledger(layout),
        settings=settings,
    )
    for folder in (
        workspace.queue,
        workspace.inbox,
        workspace.control,
        workspace.status,
        workspace.models,
        workspace.runs,
        workspace.orders,
    ):
        folder.make_folders()
    _sync_names(layout)
    return workspace


def start_journal(workspace: Workspace, console: bool, clock: Clock) -> Journal:
    """Count this start, and open the log and the ledger."""
    log = open_log(workspace.layout, workspace.settings.now.log, console)
    boot = _count_boot(workspace.layout, workspace.status)
    journal = Journal(workspace.status, workspace.ledger, log, clock, boot)
    _open_ledger(workspace.ledger, workspace.layout, journal, clock)
    return journal


def make_workers(workspace: Workspace, rehearse: bool, clock: Clock, wakeups: Wakeups) -> Workers:
    """Return the workers, not yet started."""
    layout, settings = workspace.layout, workspace.settings.now
    stop_s = settings.trainer.stop_s
    intake = _argv("daemon.intake", layout, rehearse=False)
    trainer = _argv("daemon.training", layout, rehearse)
    trainer += ["--wire"] if settings.memory.wired == "auto" else []
    server = _argv("daemon.serving", layout, rehearse)
    return Workers(
        WorkerProcess(intake, layout.root, clock, wakeups, stop_s),
        WorkerProcess(trainer, layout.root, clock, wakeups, stop_s),
        ServerProcess(server, layout.root, clock, wakeups),
        BackgroundTasks(layout, workspace.models, wakeups.wake),
    )


def _sync_names(layout: Layout) -> None:
    """Sync the renames of a killed process: from now on they are reported."""
    states = (layout.queue / state for state in QUEUE_STATES)
    models = (layout.models, layout.versions, layout.runs, layout.ended_runs)
    for folder in (layout.root, *states, *models):
        atomic.sync_directory(folder)


def _open_ledger(ledger: Ledger, layout: Layout, journal: Journal, clock: Clock) -> None:
    missing = journal.boot > 1 and not layout.ledger.exists()
    moved = ledger.open(f"{clock.now():%Y%m%dT%H%M%S}")
    cure = "a new one is begun; stop the daemon and run 'finetuned doctor --rebuild-ledger'"
    if moved is not None:
        message = f"the ledger could not be read and is now queue/{moved}; {cure}"
        journal.event("ledger_aside", message, level="warning")
    elif missing:
        journal.event("ledger_missing", f"{layout.ledger} is gone; {cure}", level="warning")


def _argv(module: str, layout: Layout, rehearse: bool) -> list[str]:
    # -P: a worker's directory is the workspace, whose files must not be imported as modules.
    argv = [sys.executable, "-P", "-m", module, "--root", str(layout.root)]
    return [*argv, "--rehearse"] if rehearse else argv


def _count_boot(layout: Layout, status: StatusFolder) -> int:
    """Count this start durably: sequence numbers begin after all earlier ones."""
    return atomic.take_number(layout.queue / ".boots", status.newest_seq() // BOOT_FACTOR)
