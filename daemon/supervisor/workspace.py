"""A workspace on disk: each folder, and the settings, as the object that reads and writes it."""

from dataclasses import dataclass

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
from daemon.supervisor.settings_watch import SettingsWatch


@dataclass(frozen=True)
class Workspace:
    """What the supervisor works on."""

    layout: Layout
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
    settings: SettingsWatch
