"""Has an order carried out: left to a living daemon, or done here with none; knows no kind."""

from collections.abc import Callable

from daemon.cli.place import Blocked, NotRunning, alive, alone, how_to_start
from daemon.clock import SystemClock
from daemon.errors import BusyFault
from daemon.folders.orders import orders
from daemon.folders.status.reading import read_status
from daemon.layout import Layout

LOOK_S = 0.5
BLOCKED_S = 5.0
"""A daemon blocked for so long is waited for no more."""


def carry_on(
    layout: Layout, order: str, *, wait: bool, rehearse: bool, tell: Callable[[], object]
) -> None:
    """Let the daemon do it between two jobs; with none alive, do it here.

    With `wait` the daemon is followed until the end; `tell` is called now and then meanwhile.

    Raises:
        NotRunning: the daemon has left meanwhile.
        Blocked: it can do nothing until the user has done something.
        BusyFault: a command is carrying out another order here, and nothing else.
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
            _follow(layout, order, tell)
        return
    from daemon.app import build_supervisor
    from daemon.model import wheels

    if not rehearse:
        wheels.require()
    build_supervisor(layout.root, rehearse=rehearse, console=True).carry_out_alone(order)


def _follow(layout: Layout, order: str, tell: Callable[[], object]) -> None:
    clock = SystemClock()
    well_s = clock.monotonic_s()
    while orders.read_result(layout.order(order)) is None:
        tell()
        if alive(layout) is None:
            raise NotRunning("daemon_left", f"{order} waits: {how_to_start(layout)}")
        document = read_status(layout) or {}
        if document.get("status") != "blocked":
            well_s = clock.monotonic_s()
        elif clock.monotonic_s() - well_s > BLOCKED_S:
            raise Blocked("blocked", f"{order} waits: {document.get('message')}")
        clock.sleep_s(LOOK_S)
