"""Creates audit orders and records their outcomes."""

from dataclasses import replace

from daemon.core.decisions import actions as do
from daemon.core.decisions.audits import AuditRequest, audit_request
from daemon.core.decisions.snapshot import Snapshot
from daemon.core.workspace.orders import AUDIT, Header
from daemon.folders.orders import orders
from daemon.folders.orders.audits import Audits
from daemon.folders.orders.audits import fill as fill_audit
from daemon.layout import Layout, OrderLayout
from daemon.settings_records import to_record
from daemon.supervisor.journal import Journal
from daemon.supervisor.workspace import Workspace


def order_audit(layout: Layout, request: AuditRequest) -> str:
    """Create the order of an audit; return its name."""
    about = f"{request.version} against {request.proven}"
    header = Header("", request.created_at, about, (request.version, request.proven))

    def fill(built: OrderLayout, order: str) -> None:
        fill_audit(built, replace(request, order=order))

    return orders.create(layout, AUDIT, header, fill)


def open_audit(
    workspace: Workspace, journal: Journal, action: do.OpenAudit, seen: Snapshot
) -> None:
    """Create the order of an audit that is due."""
    settings, now = to_record(workspace.settings.now), journal.now()
    version, exams = seen.versions[action.version], workspace.queue.only_exams()
    request = audit_request(version, seen.versions, settings, now, exams)
    assert request is not None, "it is due only where there is something to compare"
    order = order_audit(workspace.layout, request)
    message = f"{order} compares {action.version} with {action.proven}, the last proven version"
    journal.event("audit_opened", message, order=order, version=action.version)


def settle_audit(audits: Audits, journal: Journal, action: do.SettleAudit, _seen: Snapshot) -> None:
    """Mark an audit as settled: nothing more follows from it."""
    audits.settle(action.order, action.message)
    journal.event("audited", f"{action.order}: {action.message}", order=action.order)
