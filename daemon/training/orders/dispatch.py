"""Which work an order is, by its kind; does none of it."""

from typing import Protocol

from daemon.core.workspace.orders import AUDIT, EVALUATION, REPRODUCTION, SWEEP, kind_of
from daemon.settings import Settings
from daemon.training.context import TrainerContext
from daemon.training.mailbox import OrderMailbox
from daemon.training.orders.evaluation import Evaluating


class OrderRunner(Protocol):
    """One request for the next piece of an order."""

    settings: Settings
    """Those that were in force when it was ordered."""

    def go_on(self) -> None:
        """Do the next piece, or write the result, and report it."""
        ...


def runner_for(context: TrainerContext, order: str, mailbox: OrderMailbox) -> OrderRunner:
    """Return the work of an order, read from its directory.

    Raises:
        OSError, ValueError, KeyError, TypeError: the directory holds no request that can be read.
    """
    # Imported here: a trainer that only trains has no need of Optuna and the others.
    kind = kind_of(order)
    if kind == EVALUATION:
        return Evaluating(context, order, mailbox)
    if kind == REPRODUCTION:
        from daemon.training.orders.reproduction import Reproducing

        return Reproducing(context, order, mailbox)
    if kind == AUDIT:
        from daemon.training.orders.audit import Auditing

        return Auditing(context, order, mailbox)
    from daemon.training.orders.sweep import Sweeping

    assert kind == SWEEP, f"{order} is of no kind that is known"
    return Sweeping(context, order, mailbox)
