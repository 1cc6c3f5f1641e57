"""Selects the implementation of an order by its kind: evaluation, audit, sweep, reproduction."""

from daemon.core.workspace.orders import AUDIT, EVALUATION, REPRODUCTION, SWEEP, kind_of
from daemon.training.context import TrainerContext
from daemon.training.mailbox import OrderMailbox
from daemon.training.orders.evaluation import EvaluationWork
from daemon.training.orders.runner import Attendance, OrderRunner, OrderWork


def runner_for(context: TrainerContext, order: str, mailbox: OrderMailbox) -> OrderRunner:
    """Return the runner that continues an order, read from its directory.

    Raises:
        OSError, ValueError, KeyError, TypeError: the directory has no readable request.
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

    assert kind == SWEEP, f"{order} is of an unknown kind"
    return SweepWork(context, order, attendance)
