"""Has the daemon run an order, or runs it here without a daemon, and waits for the result."""

from collections.abc import Callable

from daemon.cli.place import Blocked, NotRunning, alive, alone, how_to_start
from daemon.clock import SystemClock
from daemon.errors import BusyFault
from daemon.folders.orders import orders
from daemon.folders.status.reading import read_status
from daemon.layout import Layout

POLL_S = 0.5
BLOCKED_S = 5.0
"""Longest wait for a blocked daemon."""


def run_order(
    layout: Layout, order: str, *, wait: bool, rehearse: bool, report_progress: Callable[[], object]
) -> None:
    """Let the daemon run an order between two jobs; where no daemon runs, run it here.

    With `wait` this follows the daemon until the end and calls `report_progress` at each poll.

    Raises:
        NotRunning: the daemon has stopped meanwhile.
        Blocked: it can do nothing until the user has done something.
        BusyFault: another command is running another order here.
    """
    other = alone(layout)
    if other not in (None, order):
        raise BusyFault(
            "other_order",
            f"{order} waits: another command is carrying out {other} here, and nothing else. When "
            f"that has ended, name {order} to this command again, or start the daemon",
        )
    if alive(layout) is not None:
        if wait:
            _follow(layout, order, report_progress)
        return
    from daemon.app import build_supervisor
    from daemon.model import wheels

    if not rehearse:
        wheels.require()
    build_supervisor(layout.root, rehearse=rehearse, console=True).carry_out_alone(order)


def _follow(layout: Layout, order: str, report_progress: Callable[[], object]) -> None:
    clock = SystemClock()
    unblocked_s = clock.monotonic_s()
    while orders.read_result(layout.order(order)) is None:
        report_progress()
        if alive(layout) is None:
            raise NotRunning("daemon_left", f"{order} waits: {how_to_start(layout)}")
        document = read_status(layout) or {}
        if document.get("status") != "blocked":
            unblocked_s = clock.monotonic_s()
        elif clock.monotonic_s() - unblocked_s > BLOCKED_S:
            raise Blocked("blocked", f"{order} waits: {document.get('message')}")
        clock.sleep_s(POLL_S)
