"""`versions promote rollback`: list the versions, and choose the current one."""

from typing import Annotated, Any

import typer
from rich.table import Table

from daemon.cli.output.screen import echo, facts, out, table
from daemon.cli.place import HERE, Json, Root, workspace
from daemon.cli.requests.control_client import send_or_run
from daemon.cli.version_names import named
from daemon.folders.models import current_model
from daemon.folders.models.models import read_manifests


def versions(root: Root = HERE, json: Json = False) -> None:
    """List the sealed versions."""
    layout = workspace(root)
    current = current_model.read(layout)
    listed = [m | {"current": m["version"] == current} for m in read_manifests(layout)]
    if json:
        facts(listed)
    elif not listed:
        echo("there is no version yet: the daemon seals v000000 when the base model is ready")
    else:
        out.print(_table(listed))


def _table(listed: list[dict[str, Any]]) -> Table:
    columns = ("version", "parent", "step", "verdict", "right", "prefix", "files", "created")
    return table(
        columns,
        (
            (
                ("→ " if manifest["current"] else "  ") + manifest["version"],
                manifest.get("parent"),
                manifest.get("step"),
                manifest.get("verdict"),
                _right(manifest),
                (manifest.get("prefix") or {}).get("name"),
                _files(manifest),
                str(manifest.get("created_at", ""))[:16].replace("T", " "),
            )
            for manifest in listed
        ),
    )


def _right(manifest: dict[str, Any]) -> str | None:
    exact = (manifest.get("evaluations") or {}).get("exact_match")
    if not isinstance(exact, dict):
        return None
    return f"{exact.get('before')} → {exact.get('after')} of {exact.get('items')}"


def _files(manifest: dict[str, Any]) -> str | None:
    jobs = manifest.get("job_ids") or []
    if not jobs:
        return None
    return str(jobs[0]) if len(jobs) == 1 else f"{jobs[0]} and {len(jobs) - 1} more"


def promote(
    version: Annotated[str, typer.Argument(metavar="V", help="A version: v000042, or 42.")],
    root: Root = HERE,
) -> None:
    """Make a version the current one."""
    send_or_run(workspace(root), "promote", named(version))


def rollback(
    version: Annotated[
        str, typer.Argument(metavar="[V]", help="A version; without, the parent of the current.")
    ] = "",
    root: Root = HERE,
) -> None:
    """Return to an earlier version."""
    send_or_run(workspace(root), "rollback", named(version))
