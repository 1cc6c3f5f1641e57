"""Orders audits and notes what came of them; decides neither."""

from dataclasses import replace

from daemon.core.decisions import actions as do
from daemon.core.decisions.audits import AuditRequest, audit_request
from daemon.core.decisions.snapshot import Snapshot
from daemon.core.workspace.orders import AUDIT, Header
from daemon.folders.orders import audits, orders
from daemon.layout import Layout, OrderLayout
from daemon.settings_records import to_record
from daemon.supervisor.parts import Parts


def order_audit(layout: Layout, request: AuditRequest) -> str:
    """Make the order of an audit; return its name."""
    about = f"{request.version} against {request.proven}"
    header = Header("", request.created_at, about, (request.version, request.proven))

    def fill(built: OrderLayout, order: str) -> None:
        audits.fill(built, replace(request, order=order))

    return orders.create(layout, AUDIT, header, fill)


def open_audit(parts: Parts, action: do.OpenAudit, seen: Snapshot) -> None:
    """Order the audit of a version that is due."""
    settings = to_record(parts.settings.now)
    now = parts.clock.now().isoformat()
    request = audit_request(seen.versions[action.version], seen.versions, settings, now)
    assert request is not None, "it is due only where there is something to compare"
    order = order_audit(parts.layout, request)
    message = f"{order} compares {action.version} with {action.proven}, the last proven version"
    parts.journal.event("audit_opened", message, order=order, version=action.version)


def settle_audit(parts: Parts, action: do.SettleAudit, _seen: Snapshot) -> None:
    """Note that nothing more is to be done about an audit."""
    parts.audits.settle(action.order, action.message)
    parts.journal.event("audited", f"{action.order}: {action.message}", order=action.order)
