"""`retrain` and `lineage new`: queue ended jobs again, and start over from the untouched base."""

import json
import os
from typing import Annotated

import typer

from daemon.cli.commands.submit import Parts, drop
from daemon.cli.output.screen import echo
from daemon.cli.place import HERE, Root, workspace
from daemon.cli.requests.control_client import send_or_run
from daemon.errors import UserFault
from daemon.folders.queue.queue import JOB_NAME, find_job
from daemon.layout import ENDED, Layout

lineage = typer.Typer(help="The chain of versions.", no_args_is_help=True)


@lineage.callback()
def _group() -> None:
    """Keep `new` a subcommand: Typer would merge a group of one command with it."""


@lineage.command("new")
def lineage_new(root: Root = HERE) -> None:
    """Start over from the untouched base model; earlier versions stay."""
    send_or_run(workspace(root), "lineage", "new")


def retrain(
    jobs: Annotated[
        list[str] | None, typer.Argument(metavar="[JOB]", help="Names or numbers of jobs.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every job in queue/done.")] = False,
    as_new: Annotated[
        bool,
        typer.Option(
            "--as-new", help="As if dropped now: its answers correct those of later files."
        ),
    ] = False,
    root: Root = HERE,
) -> None:
    """Queue ended jobs again; each stays as old as it is, so later files still correct it."""
    layout = workspace(root)
    chosen = _ended(layout, ("done",)) if every else _named(layout, jobs or [])
    if not chosen:
        echo("there is no job in queue/done" if every else "name a job, or use --all")
        raise typer.Exit(0 if every else 2)
    if as_new:
        for job in chosen:
            echo(f"{_drop_again(layout, job)} is in the inbox, a copy of {job}")
        return
    send_or_run(layout, "retry", "\n".join(chosen))


def _drop_again(layout: Layout, job: str) -> str:
    """Put what was dropped for a job into the inbox once more; return its name there."""
    place = find_job(layout, job)
    if place is None or not place.original.exists():
        raise UserFault("no_original", f"the file that was dropped for {job} no longer exists")
    name = str(json.loads(place.job_file.read_bytes()).get("name") or job)
    parts = {"valid": place.holdout_original, "test": place.exam_original}
    beside: Parts = {part: path for part, path in parts.items() if path.exists()}
    own = place.own_settings.read_text("utf-8") if place.own_settings.exists() else ""
    return drop(layout, place.original, "normal", beside, own, name).name


def _named(layout: Layout, jobs: list[str]) -> list[str]:
    ended = _ended(layout, ENDED)
    numbers = {int(name.split("-")[0]): name for name in ended}
    found = []
    for job in jobs:
        name = numbers.get(int(job), "") if job.isdecimal() else job
        if name not in ended:
            raise UserFault("no_such_job", f"no job in done, failed or skipped is called {job}")
        found.append(name)
    return found


def _ended(layout: Layout, states: tuple[str, ...]) -> list[str]:
    """Return the jobs in some states, by arrival."""
    folders = [layout.queue / state for state in states]
    names = [name for folder in folders if folder.is_dir() for name in os.listdir(folder)]
    return sorted(name for name in names if JOB_NAME.match(name))
