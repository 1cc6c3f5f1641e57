"""Has an order carried out by the daemon, or in this process, and waits for the result."""

from collections.abc import Callable, Sequence
from signal import SIGINT
from typing import TypeVar

from daemon.cli.option_groups import OrderOptions
from daemon.cli.output.screen import err
from daemon.cli.place import DaemonWatch, alive, alone
from daemon.clock import SystemClock
from daemon.core.evaluation.results import OrderResult
from daemon.core.workspace.orders import (
    AUDIT,
    EVALUATION,
    REPRODUCTION,
    SWEEP,
    Kind,
    kind_of,
)
from daemon.errors import BusyFault, InterruptedFault, UserFault
from daemon.folders.orders import orders
from daemon.folders.status.reading import read_status
from daemon.layout import Layout

POLL_S = 0.5

COMMANDS = {EVALUATION: "evaluate", AUDIT: "audit", SWEEP: "sweep", REPRODUCTION: "reproduce"}
Result = TypeVar("Result", bound=OrderResult)
Progress = Callable[[], Sequence[str]]
"""Returns one line for each part of an order that is done, the oldest first."""


def existing(layout: Layout, kind: Kind, order: str) -> str:
    """Return the name of an order that is to be continued or shown.

    Raises:
        UserFault: there is no such order.
    """
    if kind_of(order) == kind and layout.order(order).header.exists():
        return order
    where = layout.orders(kind).relative_to(layout.root)
    raise UserFault("no_such_order", f"there is no {kind.name} {order!a} in {where}")


def carry_out(
    layout: Layout,
    order: str,
    options: OrderOptions,
    kind: type[Result],
    progress: Progress = tuple,
) -> Result | None:
    """Have an order carried out between two jobs, and return its result; None while it waits.

    With `--wait` this follows the daemon until the end, and prints what is done meanwhile.

    Raises:
        NotRunning: the daemon has stopped meanwhile.
        Blocked: it can do nothing until the user has done something.
        BusyFault: another command is running another order here.
        InterruptedFault: a signal or a request to stop ended it before it was done.
    """
    if not is_over(layout, order):
        _refuse_beside_another(layout, order)
        if alive(layout) is None:
            signal = _run_here(layout, order, options.rehearse)
            if not is_over(layout, order):
                raise _interrupted(layout, order, signal)
        elif options.wait:
            _follow(layout, order, progress)
    return orders.read_result(layout.order(order), kind)


def _interrupted(layout: Layout, order: str, signal: int | None) -> InterruptedFault:
    message = f"{order} was interrupted, what is done stays: {waiting(layout, order, 'the rest')}"
    return InterruptedFault(message, signal)


def waiting(layout: Layout, order: str, what: str = "it", when: str = "when no job waits") -> str:
    """Return who continues an unfinished order, and when, in words."""
    kind = kind_of(order)
    assert kind is not None
    command = f"'finetuned {COMMANDS[kind]} {order}'"
    if alive(layout) is not None:
        return f"the daemon does {what} {when}, and {command} shows how far it is"
    return f"{command}, or the next daemon, does {what}"


def is_over(layout: Layout, order: str) -> bool:
    """Return whether nothing is left to do; what an audit found is acted on after its result."""
    if kind_of(order) == AUDIT and not layout.audit(order).settled.exists():
        return False
    return orders.is_over(layout.order(order))


def _refuse_beside_another(layout: Layout, order: str) -> None:
    other = alone(layout)
    if other not in (None, order):
        raise BusyFault(
            "other_order",
            f"{order} waits: another command is carrying out {other} here, and nothing else. When "
            f"that has ended, name {order} to this command again, or start the daemon",
        )


def _run_here(layout: Layout, order: str, rehearse: bool) -> int | None:
    from daemon.app import Daemon
    from daemon.model import wheels

    if not rehearse:
        wheels.require()
    return Daemon(layout.root, rehearse=rehearse, console=True).carry_out_alone(order)


def _follow(layout: Layout, order: str, progress: Progress) -> None:
    clock = SystemClock()
    watch = DaemonWatch(layout, clock, order)
    printed = 0
    while not orders.is_over(layout.order(order)):
        lines = progress()
        for line in lines[printed:]:
            err.print(line, markup=False, soft_wrap=True)
        printed = len(lines)
        watch.check(alive(layout) is not None, read_status(layout) or {})
        try:
            clock.sleep_s(POLL_S)
        except KeyboardInterrupt as error:
            raise _interrupted(layout, order, SIGINT) from error
