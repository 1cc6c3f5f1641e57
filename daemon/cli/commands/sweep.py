"""`sweep`: tries settings on a file or job in short real trials, and shows the results."""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.table import Table

from daemon.cli.option_groups import OrderOptions, spread
from daemon.cli.output.screen import echo, facts, out, table
from daemon.cli.place import workspace
from daemon.cli.requests.order_client import carry_out, existing, waiting
from daemon.cli.requests.sweep import open_sweep
from daemon.cli.requests.sweep_plan import SweepOptions
from daemon.core.evaluation.results import SweepResult, SweptTrial
from daemon.core.evaluation.sweeps import SweepRequest, Trial, describe
from daemon.core.workspace.orders import SWEEP, kind_of
from daemon.folders.orders import orders, sweeps
from daemon.layout import Layout


@spread
def sweep(
    named: Annotated[
        str, typer.Argument(metavar="FILE|JOB|SWEEP", help="A file, a job, or a sweep to continue.")
    ],
    wanted: SweepOptions,
    options: OrderOptions,
) -> None:
    """Find better training settings by short real trials."""
    layout = workspace(options.root)
    if kind_of(named) == SWEEP:
        name = existing(layout, SWEEP, named)
    else:
        name = open_sweep(layout, named, wanted)
    result = carry_out(layout, name, options, SweepResult, lambda: _ended(layout, name))
    _show(layout, name, result, options.json)


def _ended(layout: Layout, name: str) -> list[str]:
    """Return a line for each trial that has ended."""
    return [
        f"trial {one.number}: {one.outcome if one.loss is None else f'loss {one.loss:.4f}'}"
        for one in sweeps.read_trials(layout.sweep(name))
    ]


def _show(layout: Layout, name: str, result: SweepResult | None, json: bool) -> None:
    place = layout.sweep(name)
    request = orders.read_request(place, SweepRequest)
    if result is None:
        result = _so_far(layout, request, sweeps.read_trials(place))
    if json:
        facts(result)
        return
    out.print(_table(result["trials"]))
    echo(f"{name}: {result['message']}.", "bold")
    for note in request.notes:
        echo(f"- {note}")
    if result["training"] is None:
        return
    echo("")
    echo(f"The setting of trial {result['best']}, for {layout.settings_file.name}:")
    echo(result["training"].rstrip())
    echo(f"The report is {place.report}, its picture {place.picture.name} beside it.")


def _so_far(layout: Layout, request: SweepRequest, trials: list[Trial]) -> SweepResult:
    """Return the state of an unfinished sweep, in the form of a result."""
    further = waiting(layout, request.sweep, "the rest")
    message = f"{len(trials)} of {request.trials} trials are done; {further}"
    rows: list[SweptTrial] = [
        {
            "number": trial.number,
            "setting": trial.setting,
            "outcome": trial.outcome,
            "steps": trial.steps,
            "seconds": trial.seconds,
            "why": trial.why,
            "changes": describe(trial.setting, request.default),
            "loss": trial.loss,
        }
        for trial in trials
    ]
    return {
        "sweep": request.sweep,
        "outcome": None,
        "message": message,
        "best": None,
        "trials": rows,
        "training": None,
    }


def _table(trials: Sequence[SweptTrial]) -> Table:
    return table(("trial", "changes", "outcome", "loss", "change", "interval"), map(_cells, trials))


def _cells(row: SweptTrial) -> tuple[object, ...]:
    loss, change = row["loss"], row.get("change")
    return (
        row["number"],
        row["changes"],
        row["outcome"],
        None if loss is None else f"{loss:.4f}",
        None if change is None else f"{change:+.4f}",
        None if change is None else f"{row['low']:+.4f} to {row['high']:+.4f}",
    )
