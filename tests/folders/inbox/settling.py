"""An inbox whose files come to rest at the test's word."""

from daemon.folders.inbox.inbox import Inbox
from daemon.layout import Layout
from daemon.settings_files import InboxSettings
from tests.clocks import StillClock


def made(layout: Layout, clock: StillClock, unfinished_s: float) -> Inbox:
    settings = InboxSettings(settle_s=1.0, unfinished_s=unfinished_s)
    box = Inbox(layout, settings, clock)
    box.make_folders()
    return box


def names(inbox: Inbox) -> list[str]:
    return [drop.name for drop in inbox.scan().drops]


def settle(inbox: Inbox, clock: StillClock) -> list[str]:
    inbox.scan()
    clock.pass_s(1.0)
    return names(inbox)
