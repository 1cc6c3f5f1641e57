"""The parts of one supervisor, picked by `app`; a plain holder, each room takes what it uses."""

from dataclasses import dataclass

from daemon.clock import Clock
from daemon.folders.audits import Audits
from daemon.folders.control import Control
from daemon.folders.inbox import Inbox
from daemon.folders.late_writes import LateWrites
from daemon.folders.ledger import Ledger
from daemon.folders.models import Models
from daemon.folders.orders import Orders
from daemon.folders.queue import Queue
from daemon.folders.run_requests import RunRequests
from daemon.folders.status import StatusFolder
from daemon.layout import Layout
from daemon.supervisor.crew import Hand
from daemon.supervisor.errands import Errands
from daemon.supervisor.journal import Journal
from daemon.supervisor.notify import Notifier
from daemon.supervisor.server import ServerHand
from daemon.supervisor.settings_watch import SettingsWatch
from daemon.supervisor.wakeups import Signals, Wakeups, Watcher


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
    intake: Hand
    trainer: Hand
    server: ServerHand
    errands: Errands
    wakeups: Wakeups
    signals: Signals
    watcher: Watcher
    notify: Notifier
    boot: int
