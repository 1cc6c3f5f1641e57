"""`audit`: compares the current version with the last proven one; a worse one is rolled back."""

from typing import Annotated, Any

import typer
from rich.table import Table

from daemon.cli.output.screen import cell, echo, facts, out
from daemon.cli.place import HERE, Json, Rehearse, Root, Wait, alive, workspace
from daemon.cli.requests.order_client import run_order
from daemon.clock import SystemClock
from daemon.core.decisions.audits import audit_request
from daemon.core.decisions.promotion import counted_items
from daemon.core.workspace.orders import AUDIT, kind_of
from daemon.errors import UserFault
from daemon.folders.models import current_model
from daemon.folders.models.models import Models
from daemon.folders.orders import orders
from daemon.folders.queue.queue import Queue
from daemon.layout import Layout
from daemon.settings_file import read_settings
from daemon.settings_records import to_record


def audit(
    named: Annotated[
        str, typer.Argument(metavar="[ORDER]", help="An audit to continue; without, a new one.")
    ] = "",
    wait: Wait = False,
    rehearse: Rehearse = False,
    root: Root = HERE,
    json: Json = False,
) -> None:
    """Compare the current version with the last proven one; roll back if it is worse."""
    layout = workspace(root)
    if named and (kind_of(named) != AUDIT or not layout.audit(named).request.exists()):
        raise UserFault("no_such_order", f"there is no {named!a} in models/audits")
    name = named or _open(layout)
    place = layout.audit(name)
    if orders.read_result(place) is None or not place.settled.exists():
        run_order(layout, name, wait=wait, rehearse=rehearse, report_progress=lambda: None)
    result = orders.read_result(place) or _waiting(layout, name)
    current = current_model.read(layout)
    if json:
        facts(result | {"current": current})
        return
    echo(f"{name}: {result['message']}", "bold")
    if result["outcome"] is not None:
        out.print(_table(result["tests"]))
        echo(f"current_model is {current}. The report is {place.report}.")


def _open(layout: Layout) -> str:
    versions = Models(layout).versions()
    version = versions.get(current_model.read(layout) or "")
    if version is None:
        raise UserFault("no_version", "there is no current model yet: run the daemon first")
    settings = to_record(read_settings(layout.settings_file))
    clock = SystemClock()
    exams = Queue(layout, clock).only_exams()
    request = audit_request(version, versions, settings, clock.now().isoformat(), exams)
    if request is None:
        message = f"{version.version} is the last proven version itself: there is nothing to audit"
        raise UserFault("nothing_to_audit", message)
    # Imported here: the command line starts without the supervisor.
    from daemon.supervisor.auditing import order_audit

    return order_audit(layout, request)


def _waiting(layout: Layout, name: str) -> dict[str, Any]:
    """Return the state of an unfinished audit, in the form of a result."""
    who = "the next daemon does it"
    if alive(layout) is not None:
        who = "the daemon does it before the next run"
    message = f"{who}, and 'finetuned audit {name}' shows the result"
    return {"order": name, "outcome": None, "message": message, "tests": []}


def _table(tests: list[dict[str, Any]]) -> Table:
    table = Table("set", "metric", "items", "change", "p better", "p worse", box=None)
    for one in tests:
        table.add_row(
            cell(one["name"]),
            cell(one["metric"].replace("_", " ")),
            cell(counted_items(one["items"], one.get("families"))),
            cell(f"{one['mean_change']:+.4f}"),
            cell(f"{one['p_better']:.2g}"),
            cell(f"{one['p_worse']:.2g}"),
        )
    return table
