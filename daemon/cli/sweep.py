"""`sweep`: tries settings on a file or job in short real trials, and shows what they came to."""

from typing import Annotated, Any

import typer
from rich.table import Table

from daemon.cli.place import HERE, Blocked, Json, NotRunning, Root, alive, how_to_start, workspace
from daemon.cli.screen import cell, err, facts, out, say
from daemon.cli.sweep_request import Wanted, open_sweep
from daemon.clock import SystemClock
from daemon.core.sweeps import SweepRequest, Trial, describe
from daemon.errors import UserFault
from daemon.folders import sweeps
from daemon.folders.reading import read_status
from daemon.layout import Layout

LOOK_S = 0.5
BLOCKED_S = 5.0
"""A daemon blocked for so long is waited for no more."""


def sweep(
    named: Annotated[
        str, typer.Argument(metavar="FILE|JOB|SWEEP", help="A file, a job, or a sweep to go on.")
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
    wait: Annotated[bool, typer.Option("--wait", help="Follow the daemon until the end.")] = False,
    rehearse: Annotated[
        bool, typer.Option("--rehearse", help="With no daemon: use the stand-in trainer.")
    ] = False,
    root: Root = HERE,
    json: Json = False,
) -> None:
    """Find better training settings by short real trials."""
    layout = workspace(root)
    name = named
    if not sweeps.SWEEP_NAME.match(named):
        wanted = Wanted(trials, minutes, epochs, rows, rates, fresh)
        name = open_sweep(layout, named, wanted)
    elif not layout.sweep(name).request.exists():
        raise UserFault("no_such_sweep", f"there is no sweep {name} in models/sweeps")
    if sweeps.read_result(layout.sweep(name)) is None:
        _carry_on(layout, name, wait, rehearse)
    _show(layout, name, json)


def _carry_on(layout: Layout, name: str, wait: bool, rehearse: bool) -> None:
    """Let the daemon do it between two jobs; with none alive, do it here."""
    if alive(layout) is not None:
        if wait:
            _follow(layout, name)
        return
    from daemon.app import build_supervisor

    build_supervisor(layout.root, rehearse=rehearse, console=True).sweep_alone(name)


def _follow(layout: Layout, name: str) -> None:
    clock = SystemClock()
    well_s = clock.monotonic_s()
    told = 0
    while sweeps.read_result(layout.sweep(name)) is None:
        told = _tell_trials(layout, name, told)
        if alive(layout) is None:
            raise NotRunning("daemon_left", f"{name} waits: {how_to_start(layout)}")
        document = read_status(layout) or {}
        if document.get("status") != "blocked":
            well_s = clock.monotonic_s()
        elif clock.monotonic_s() - well_s > BLOCKED_S:
            raise Blocked("blocked", f"{name} waits: {document.get('message')}")
        clock.sleep_s(LOOK_S)


def _tell_trials(layout: Layout, name: str, told: int) -> int:
    """Write a line for each trial that has ended since; return how many there are."""
    trials = sweeps.read_trials(layout.sweep(name))
    for trial in trials[told:]:
        loss = Trial.from_record(trial).loss
        result = trial["outcome"] if loss is None else f"loss {loss:.4f}"
        err.print(f"trial {trial['number']}: {result}", markup=False, soft_wrap=True)
    return len(trials)


def _show(layout: Layout, name: str, json: bool) -> None:
    place = layout.sweep(name)
    result = sweeps.read_result(place)
    request = SweepRequest.from_record(sweeps.read_request(place))
    if result is None:
        trials = [Trial.from_record(item) for item in sweeps.read_trials(place)]
        result = _so_far(request, trials, alive(layout) is not None)
    if json:
        facts(result)
        return
    out.print(_table(result["trials"]))
    say(f"{name}: {result['message']}.", "bold")
    for note in request.notes:
        say(f"- {note}")
    if result["training"] is None:
        return
    say("")
    say(f"The setting of trial {result['best']}, for {layout.settings_file.name}:")
    say(result["training"].rstrip())
    say(f"The report is {place.report}, its picture {place.picture.name} beside it.")


def _so_far(request: SweepRequest, trials: list[Trial], lives: bool) -> dict[str, Any]:
    """Return what is known of a sweep that is not over, in the form of a result."""
    command = f"'finetuned sweep {request.sweep}'"
    where = f"the daemon goes on when no job waits, and {command} shows how far it is"
    if not lives:
        where = f"{command}, or the next daemon, goes on with it"
    message = f"{len(trials)} of {request.trials} trials are done; {where}"
    known = ("number", "setting", "outcome", "why", "steps", "seconds")
    rows = [
        {key: value for key, value in trial.as_record().items() if key in known}
        | {"changes": describe(trial.setting, request.default), "loss": trial.loss}
        for trial in trials
    ]
    return {"sweep": request.sweep, "outcome": None, "message": message, "best": None,
            "trials": rows, "training": None}  # fmt: skip


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
