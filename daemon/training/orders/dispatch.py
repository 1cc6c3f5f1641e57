"""Which work an order is, by its kind; does none of it."""

from daemon.core.workspace.orders import AUDIT, EVALUATION, REPRODUCTION, SWEEP, kind_of
from daemon.training.context import TrainerContext
from daemon.training.mailbox import OrderMailbox
from daemon.training.orders.evaluation import EvaluationWork
from daemon.training.orders.runner import Attendance, OrderRunner, OrderWork


def runner_for(context: TrainerContext, order: str, mailbox: OrderMailbox) -> OrderRunner:
    """Return what goes on with an order, read from its directory.

    Raises:
        OSError, ValueError, KeyError, TypeError: the directory holds no request that can be read.
    """
    attendance = Attendance(context, mailbox, order)
    return OrderRunner(context, mailbox, order, _work_of(context, order, attendance))


def _work_of(context: TrainerContext, order: str, attendance: Attendance) -> OrderWork:
    # Imported here: a trainer that only trains has no need of Optuna and the others.
    kind = kind_of(order)
    if kind == EVALUATION:
        return EvaluationWork(context, order, attendance)
    if kind == REPRODUCTION:
        from daemon.training.orders.reproduction import ReproductionWork

        return ReproductionWork(context, order, attendance)
    if kind == AUDIT:
        from daemon.training.orders.audit import AuditWork

        return AuditWork(context, order, attendance)
    from daemon.training.orders.sweep import SweepWork

    assert kind == SWEEP, f"{order} is of no kind that is known"
    return SweepWork(context, order, attendance)
