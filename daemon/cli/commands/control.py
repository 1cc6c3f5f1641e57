"""`pause resume skip stop checkpoint`: requests that could also be touched into `control/`."""

import sys
from typing import Annotated

import typer

from daemon.cli.output.screen import echo
from daemon.cli.place import HERE, Root, alive, workspace
from daemon.cli.requests.control_client import POLL_S, NoAnswer, send_command
from daemon.clock import SystemClock
from daemon.folders import control
from daemon.folders.control import Control
from daemon.folders.status.reading import Lines, read_status
from daemon.layout import Layout

PAUSE_WAIT_S = 15.0
LEAVE_WAIT_S = 20.0
CHECKPOINT_WAIT_S = 60.0


def pause(root: Root = HERE) -> None:
    """Stop training after the current step, until resumed; also across restarts."""
    layout = workspace(root)
    events = Lines(layout.events_file)
    control.write_request(layout, "pause")
    if alive(layout) is None:
        echo("paused: no daemon is running, and the next one starts paused")
        return
    _until_paused(layout, events)
    echo("paused: 'finetuned resume' continues")


def _until_paused(layout: Layout, events: Lines) -> None:
    clock = SystemClock()
    until_s = clock.monotonic_s() + PAUSE_WAIT_S
    while clock.monotonic_s() < until_s and alive(layout) is not None:
        confirmed = any(event.get("event") == "paused" for event in events.new())
        if confirmed or (read_status(layout) or {}).get("status") == "paused":
            return
        clock.sleep_s(POLL_S)
    raise NoAnswer("no_answer", "control/pause is set, but the daemon has not confirmed it yet")


def resume(root: Root = HERE) -> None:
    """Resume after a pause."""
    layout = workspace(root)
    if alive(layout) is None:
        Control(layout, SystemClock()).end_pause(sys.maxsize)
        echo("resumed: no daemon is running, and the next one starts training")
        return
    send_command(layout, "resume")


def skip(
    job: Annotated[
        str, typer.Argument(metavar="[JOB]", help="Which job of the run; default: the first.")
    ] = "",
    root: Root = HERE,
) -> None:
    """Skip the job in training; its changes to the model are undone."""
    send_command(workspace(root), "skip", job)


def stop(root: Root = HERE) -> None:
    """Stop the daemon; the next start continues where it was."""
    layout = workspace(root)
    send_command(layout, "stop")
    clock = SystemClock()
    until_s = clock.monotonic_s() + LEAVE_WAIT_S
    while alive(layout) is not None:
        if clock.monotonic_s() >= until_s:
            raise NoAnswer("no_answer", "the daemon is stopping, but has not stopped yet")
        clock.sleep_s(POLL_S)
    echo("the daemon has stopped")


def checkpoint(root: Root = HERE) -> None:
    """Commit the progress of the run now."""
    send_command(workspace(root), "checkpoint", wait_s=CHECKPOINT_WAIT_S)
