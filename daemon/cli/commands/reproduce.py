"""`reproduce`: trains a version again from its manifest, and compares the result."""

from typing import Annotated

import typer

from daemon.cli.option_groups import OrderOptions, spread
from daemon.cli.output.screen import echo, facts
from daemon.cli.place import workspace
from daemon.cli.requests.order_client import carry_out, existing, waiting
from daemon.cli.version_names import manifest_of, named
from daemon.clock import SystemClock
from daemon.core.evaluation.reproduction import ReproductionRequest
from daemon.core.evaluation.results import ReproductionResult
from daemon.core.training.manifests import Manifest
from daemon.core.workspace.orders import REPRODUCTION, Header, kind_of
from daemon.errors import ExitCode, UserFault
from daemon.folders.orders import orders, reproductions
from daemon.layout import Layout, OrderLayout

FAILED = ("different", "impossible", "failed")


@spread
def reproduce(
    version: Annotated[
        str, typer.Argument(metavar="V|ORDER", help="A version, or a reproduction to continue.")
    ],
    options: OrderOptions,
) -> None:
    """Train a version again from its manifest and compare, bit for bit."""
    layout = workspace(options.root)
    if kind_of(version) == REPRODUCTION:
        name = existing(layout, REPRODUCTION, version)
    else:
        name = _open(layout, named(layout, version))
    result = carry_out(layout, name, options, ReproductionResult)
    if result is None:
        message = waiting(layout, name)
        result = {"order": name, "outcome": None, "message": message, "found": None}
    if options.json:
        facts(result)
    else:
        echo(f"{name}: {result['message']}", "bold")
        if result["outcome"] is not None:
            echo(f"The report is {layout.reproduction(name).report}.")
    if result["outcome"] in FAILED:
        raise typer.Exit(ExitCode.FAILED)


def _open(layout: Layout, version: str) -> str:
    """Create the order; return its name.

    Raises:
        UserFault: the version is not there, or does not have what its training needs.
    """
    folder = layout.version(version)
    manifest = manifest_of(layout, version)
    if manifest.run is None:
        raise UserFault("nothing_trained", f"{version} is the untouched base: nothing was trained")
    if not (folder / "run.json").exists():
        raise UserFault(
            "run_not_kept",
            f"{version} was sealed before versions stored the choices of their run (run.json), "
            "so it cannot be trained again",
        )
    header = Header("", SystemClock().now().isoformat(), f"{version} again", _needed(manifest))

    def fill(built: OrderLayout, order: str) -> None:
        request = ReproductionRequest(order, version, manifest.settings)
        reproductions.fill(built, folder, request)

    return orders.create(layout, REPRODUCTION, header, fill)


def _needed(manifest: Manifest) -> tuple[str, ...]:
    return tuple(name for name in (manifest.version, manifest.parent) if name is not None)
