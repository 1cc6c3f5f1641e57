"""The parts of one supervisor, picked by `app`; a plain holder, each room takes what it uses."""

from dataclasses import dataclass

from daemon.clock import Clock
from daemon.folders.control import Control
from daemon.folders.inbox.inbox import Inbox
from daemon.folders.inbox.late_writes import LateWrites
from daemon.folders.models.models import Models
from daemon.folders.orders.audits import Audits
from daemon.folders.orders.orders import Orders
from daemon.folders.queue.ledger import Ledger
from daemon.folders.queue.queue import Queue
from daemon.folders.runs.run_requests import RunRequests
from daemon.folders.status.status import StatusFolder
from daemon.layout import Layout
from daemon.supervisor.background_tasks import BackgroundTasks
from daemon.supervisor.journal import Journal
from daemon.supervisor.notify import Notifier
from daemon.supervisor.server_process import ServerProcess
from daemon.supervisor.settings_watch import SettingsWatch
from daemon.supervisor.wakeups import Signals, Wakeups, Watcher
from daemon.supervisor.worker_process import WorkerProcess


@dataclass(frozen=True)
class Parts:
    """Every part once."""

    layout: Layout
    clock: Clock
    settings: SettingsWatch
    inbox: Inbox
    late_writes: LateWrites
    queue: Queue
    control: Control
    status: StatusFolder
    models: Models
    runs: RunRequests
    orders: Orders
    audits: Audits
    ledger: Ledger
    journal: Journal
    intake: WorkerProcess
    trainer: WorkerProcess
    server: ServerProcess
    background: BackgroundTasks
    wakeups: Wakeups
    signals: Signals
    watcher: Watcher
    notify: Notifier
    boot: int
