"""`sweep`: tries settings on a file or job in short real trials, and shows the results."""

from typing import Annotated, Any

import typer
from rich.table import Table

from daemon.cli.output.screen import cell, echo, err, facts, out
from daemon.cli.place import HERE, Json, Rehearse, Root, Wait, alive, workspace
from daemon.cli.requests.order_client import run_order
from daemon.cli.requests.sweep import SweepOptions, open_sweep
from daemon.core.evaluation.sweeps import SweepRequest, Trial, describe
from daemon.core.records import to_json_value
from daemon.core.workspace.orders import SWEEP, kind_of
from daemon.errors import UserFault
from daemon.folders.orders import orders, sweeps
from daemon.layout import Layout


def sweep(
    named: Annotated[
        str, typer.Argument(metavar="FILE|JOB|SWEEP", help="A file, a job, or a sweep to continue.")
    ],
    trials: Annotated[int, typer.Option(help="Settings to try.", min=1, max=1000)] = 12,
    minutes: Annotated[
        float | None, typer.Option(help="No trial begins after so much training.", min=0.01)
    ] = None,
    rates: Annotated[
        bool, typer.Option("--rates", help="Only compare three learning rates.")
    ] = False,
    epochs: Annotated[int, typer.Option(help="Epochs of a trial.", min=1)] = 1,
    rows: Annotated[int, typer.Option(help="Most rows a trial trains.", min=1)] = 512,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="From the untouched base; searches rank and layers.")
    ] = False,
    wait: Wait = False,
    rehearse: Rehearse = False,
    root: Root = HERE,
    json: Json = False,
) -> None:
    """Find better training settings by short real trials."""
    layout = workspace(root)
    name = named
    if kind_of(named) != SWEEP:
        wanted = SweepOptions(trials, minutes, epochs, rows, rates, fresh)
        name = open_sweep(layout, named, wanted)
    elif not layout.sweep(name).request.exists():
        raise UserFault("no_such_sweep", f"there is no sweep {name} in models/sweeps")
    if orders.read_result(layout.sweep(name)) is None:
        progress = _Trials(layout, name)
        run_order(layout, name, wait=wait, rehearse=rehearse, report_progress=progress.report)
    _show(layout, name, json)


class _Trials:
    """Prints trials as they end."""

    def __init__(self, layout: Layout, sweep: str) -> None:
        self._place = layout.sweep(sweep)
        self._printed = 0

    def report(self) -> None:
        """Print a line for each trial that has ended since the last call."""
        trials = sweeps.read_trials(self._place)
        for trial in trials[self._printed :]:
            loss = trial.loss
            result = trial.outcome if loss is None else f"loss {loss:.4f}"
            err.print(f"trial {trial.number}: {result}", markup=False, soft_wrap=True)
        self._printed = len(trials)


def _show(layout: Layout, name: str, json: bool) -> None:
    place = layout.sweep(name)
    result = orders.read_result(place)
    request = orders.read_request(place, SweepRequest)
    if result is None:
        trials = sweeps.read_trials(place)
        result = _so_far(request, trials, alive(layout) is not None)
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


def _so_far(request: SweepRequest, trials: list[Trial], running: bool) -> dict[str, Any]:
    """Return the state of an unfinished sweep, in the form of a result."""
    command = f"'finetuned sweep {request.sweep}'"
    where = f"the daemon continues when no job waits, and {command} shows how far it is"
    if not running:
        where = f"{command}, or the next daemon, continues it"
    message = f"{len(trials)} of {request.trials} trials are done; {where}"
    known = ("number", "setting", "outcome", "why", "steps", "seconds")
    rows = [
        {key: value for key, value in to_json_value(trial).items() if key in known}
        | {"changes": describe(trial.setting, request.default), "loss": trial.loss}
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


def _table(trials: list[dict[str, Any]]) -> Table:
    table = Table("trial", "changes", "outcome", "loss", "change", "interval", box=None)
    for row in trials:
        change = row.get("change")
        table.add_row(
            cell(row["number"]),
            cell(row["changes"]),
            cell(row["outcome"]),
            cell(None if row["loss"] is None else f"{row['loss']:.4f}"),
            cell(None if change is None else f"{change:+.4f}"),
            cell(None if change is None else f"{row['low']:+.4f} to {row['high']:+.4f}"),
        )
    return table
