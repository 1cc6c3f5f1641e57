"""`reproduce`: trains a version again from its manifest, and compares the result."""

from typing import Annotated, Any

import typer

from daemon.cli.output.screen import echo, facts
from daemon.cli.place import HERE, Json, Rehearse, Root, Wait, alive, workspace
from daemon.cli.requests.order_client import run_order
from daemon.cli.version_names import named
from daemon.clock import SystemClock
from daemon.core.evaluation.reproduction import ReproductionRequest
from daemon.core.training.manifests import Manifest
from daemon.core.workspace.orders import REPRODUCTION, Header, kind_of
from daemon.errors import ExitCode, UserFault
from daemon.folders.models.models import read_manifest
from daemon.folders.orders import orders, reproductions
from daemon.layout import Layout, OrderLayout

FAILED = ("different", "impossible", "failed")


def reproduce(
    version: Annotated[
        str, typer.Argument(metavar="V|ORDER", help="A version, or a reproduction to continue.")
    ],
    wait: Wait = False,
    rehearse: Rehearse = False,
    root: Root = HERE,
    json: Json = False,
) -> None:
    """Train a version again from its manifest and compare, bit for bit."""
    layout = workspace(root)
    name = version
    if kind_of(name) != REPRODUCTION:
        name = _open(layout, named(version))
    elif not layout.reproduction(name).request.exists():
        raise UserFault("no_such_order", f"there is no {name} in models/reproductions")
    place = layout.reproduction(name)
    if orders.read_result(place) is None:
        run_order(layout, name, wait=wait, rehearse=rehearse, report_progress=lambda: None)
    result = orders.read_result(place) or _waiting(layout, name)
    if json:
        facts(result)
    else:
        echo(f"{name}: {result['message']}", "bold")
        if result["outcome"] is not None:
            echo(f"The report is {place.report}.")
    if result["outcome"] in FAILED:
        raise typer.Exit(ExitCode.FAILED)


def _open(layout: Layout, version: str) -> str:
    """Create the order; return its name.

    Raises:
        UserFault: the version is not there, or does not have what its training needs.
    """
    folder = layout.version(version)
    try:
        manifest = read_manifest(folder)
    except FileNotFoundError as error:
        raise UserFault("no_such_version", f"there is no version {version}") from error
    except (OSError, ValueError) as error:
        raise UserFault("version_damaged", f"{version} cannot be read: {error}") from error
    if manifest.run is None:
        raise UserFault("nothing_trained", f"{version} is the untouched base: nothing was trained")
    if not (folder / "run.json").exists():
        raise UserFault(
            "run_not_kept",
            f"{version} was sealed before versions carried the choices of their run (run.json), "
            "so it cannot be trained again",
        )
    header = Header("", SystemClock().now().isoformat(), f"{version} again", _needed(manifest))

    def fill(built: OrderLayout, order: str) -> None:
        request = ReproductionRequest(order, version, manifest.settings)
        reproductions.fill(built, folder, request)

    return orders.create(layout, REPRODUCTION, header, fill)


def _needed(manifest: Manifest) -> tuple[str, ...]:
    return tuple(name for name in (manifest.version, manifest.parent) if name is not None)


def _waiting(layout: Layout, name: str) -> dict[str, Any]:
    """Return the state of an unfinished reproduction, in the form of a result."""
    where = "the daemon does it when no job waits"
    if alive(layout) is None:
        where = "the next daemon does it"
    again = f"'finetuned reproduce {name}' shows the result"
    return {"order": name, "outcome": None, "message": f"{where}, and {again}", "found": None}
