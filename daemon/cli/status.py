"""`status`: shows the status document to people, and says plainly when the daemon is dead."""

from typing import Annotated, Any

import typer
from rich.console import Group
from rich.live import Live

from daemon.cli.place import HERE, Json, Root, alive, workspace
from daemon.cli.screen import facts, out
from daemon.cli.status_page import page
from daemon.clock import SystemClock
from daemon.core.pulse import Pulse, pulse_of
from daemon.core.status_schema import SCHEMA
from daemon.errors import ExitCode
from daemon.folders.reading import read_status
from daemon.layout import Layout

WATCH_S = 1.0


def status(
    watch: Annotated[bool, typer.Option("--watch", help="Show it anew every second.")] = False,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of the status document.")
    ] = False,
    root: Root = HERE,
    json: Json = False,
) -> None:
    """Show what the daemon is doing."""
    if schema:
        facts(SCHEMA)
        return
    layout = workspace(root)
    if watch:
        _watch(layout)
        return
    pulse = feel(layout)
    document = read_status(layout)
    if json:
        facts({**(document or {}), "daemon": vars(pulse)})
    else:
        out.print(_page(layout, pulse, document))
    if pulse.pid is None:
        raise typer.Exit(ExitCode.NOT_RUNNING)


def _watch(layout: Layout) -> None:
    clock = SystemClock()
    try:
        with Live(console=out, auto_refresh=False, screen=out.is_terminal) as live:
            while True:
                live.update(_page(layout, feel(layout), read_status(layout)), refresh=True)
                clock.sleep_s(WATCH_S)
    except KeyboardInterrupt:
        return


def _page(layout: Layout, pulse: Pulse, document: dict[str, Any] | None) -> Group:
    return page(str(layout.root), document, pulse.problem)


def feel(layout: Layout) -> Pulse:
    """Return whether the daemon of a workspace lives, by its lock and its heartbeat."""
    now = SystemClock().now()
    return pulse_of(alive(layout), read_status(layout), now, str(layout.root))
