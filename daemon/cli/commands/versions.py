"""`versions promote rollback`: list the versions, and choose the current one."""

from typing import Annotated

import typer
from rich.table import Table

from daemon.cli.output.screen import echo, facts, out, table
from daemon.cli.place import HERE, Json, Root, workspace
from daemon.cli.requests.control_client import send_or_run
from daemon.cli.version_names import named
from daemon.core.records import to_json_value
from daemon.core.training.manifests import Manifest
from daemon.folders.models import current_model
from daemon.folders.models.models import read_manifests


def versions(root: Root = HERE, json: Json = False) -> None:
    """List the sealed versions."""
    layout = workspace(root)
    current = current_model.read(layout)
    listed = read_manifests(layout)
    if json:
        facts([to_json_value(m) | {"current": m.version == current} for m in listed])
    elif not listed:
        echo("there is no version yet: the daemon seals v000000 when the base model is ready")
    else:
        out.print(_table(listed, current))


def _table(listed: list[Manifest], current: str | None) -> Table:
    columns = ("version", "parent", "step", "verdict", "right", "prefix", "files", "created")
    return table(
        columns,
        (
            (
                ("→ " if manifest.version == current else "  ") + manifest.version,
                manifest.parent,
                manifest.step,
                manifest.verdict,
                _right(manifest),
                None if manifest.prefix is None else manifest.prefix.name,
                _files(manifest),
                manifest.created_at[:16].replace("T", " "),
            )
            for manifest in listed
        ),
    )


def _right(manifest: Manifest) -> str | None:
    exact = manifest.evaluations.exact_match
    return None if exact is None else f"{exact.before} → {exact.after} of {exact.items}"


def _files(manifest: Manifest) -> str | None:
    jobs = manifest.job_ids
    if not jobs:
        return None
    return jobs[0] if len(jobs) == 1 else f"{jobs[0]} and {len(jobs) - 1} more"


def promote(
    version: Annotated[str, typer.Argument(metavar="V", help="A version: v000042, 42 or latest.")],
    root: Root = HERE,
) -> None:
    """Make a version the current one."""
    layout = workspace(root)
    send_or_run(layout, "promote", named(layout, version))


def rollback(
    version: Annotated[
        str,
        typer.Argument(metavar="[V]", help="A version; default: the parent of the current one."),
    ] = "",
    root: Root = HERE,
) -> None:
    """Return to an earlier version."""
    layout = workspace(root)
    send_or_run(layout, "rollback", named(layout, version))
