"""`audit`: compares the current version with the last proven one; a worse one is rolled back."""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.table import Table

from daemon.cli.option_groups import OrderOptions, spread
from daemon.cli.output.screen import echo, facts, out, table
from daemon.cli.place import workspace
from daemon.cli.requests.order_client import carry_out, existing, waiting
from daemon.clock import SystemClock
from daemon.core.decisions.audits import audit_request
from daemon.core.decisions.promotion import counted_items
from daemon.core.evaluation.reports import PairFigures
from daemon.core.evaluation.results import AuditFound
from daemon.core.evaluation.set_names import set_title
from daemon.core.workspace.orders import AUDIT
from daemon.errors import UserFault
from daemon.folders.models import current_model
from daemon.folders.models.models import Models
from daemon.folders.queue.queue import Queue
from daemon.layout import Layout
from daemon.settings_file import read_settings
from daemon.settings_records import to_record


@spread
def audit(
    named: Annotated[
        str, typer.Argument(metavar="[ORDER]", help="An audit to continue; default: a new one.")
    ] = "",
    *,
    options: OrderOptions,
) -> None:
    """Compare the current version with the last proven one; roll back if it is worse."""
    layout = workspace(options.root)
    name = existing(layout, AUDIT, named) if named else _open(layout)
    result = carry_out(layout, name, options, AuditFound)
    if result is None:
        message = waiting(layout, name, when="before the next run")
        result = {"order": name, "outcome": None, "message": message, "tests": []}
    current = current_model.read(layout)
    if options.json:
        facts({**result, "current": current})
        return
    echo(f"{name}: {result['message']}", "bold")
    if result["outcome"] is not None:
        out.print(_table(result["tests"]))
        echo(f"current_model is {current}. The report is {layout.audit(name).report}.")


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


def _table(tests: Sequence[PairFigures]) -> Table:
    return table(
        ("set", "metric", "items", "change", "p (better)", "p (worse)"),
        (
            (
                set_title(one["name"]),
                one["metric"].replace("_", " "),
                counted_items(one["items"], one.get("families")),
                f"{one['mean_change']:+.4f}",
                f"{one['p_better']:.2g}",
                f"{one['p_worse']:.2g}",
            )
            for one in tests
        ),
    )
