"""`status`: shows the status document, and says plainly when the daemon is dead."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Annotated

import typer
from rich.console import Group
from rich.live import Live

from daemon.cli.output.screen import fact, facts, out, read_no_more
from daemon.cli.output.status_page import page
from daemon.cli.place import HERE, Json, Root, alive, workspace
from daemon.clock import SystemClock
from daemon.core.decisions.pulse import Pulse, pulse_of
from daemon.core.records import JsonObject
from daemon.core.status.schema import SCHEMA
from daemon.core.status.shown import ShownStatus
from daemon.errors import ExitCode
from daemon.folders.status.reading import read_status
from daemon.layout import Layout

WATCH_S = 1.0


def status(
    watch: Annotated[bool, typer.Option("--watch", help="Refresh every second.")] = False,
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
        _watch(layout, json)
        return
    pulse, document = read_pulse(layout), read_status(layout)
    if json:
        facts(_facts(pulse, document))
    else:
        out.print(_page(layout, pulse, document))
    if pulse.pid is None:
        raise typer.Exit(ExitCode.NOT_RUNNING)


def _watch(layout: Layout, as_json: bool) -> None:
    """Refresh until Ctrl-C or SIGTERM, or until stdout's reader has left.

    Raises:
        NoWorkspace: the workspace was removed.
    """
    clock = SystemClock()
    on_screen = out.is_terminal and not as_json
    live = Live(console=out, auto_refresh=False, screen=True) if on_screen else None
    with suppress(KeyboardInterrupt), _sigterm_as_interrupt(), live or nullcontext():
        while not read_no_more():
            workspace(layout.root)
            pulse, document = read_pulse(layout), read_status(layout)
            if as_json:
                fact(_facts(pulse, document))
            elif live is not None:
                live.update(_page(layout, pulse, document), refresh=True)
            else:
                out.print(_page(layout, pulse, document), "")
            clock.sleep_s(WATCH_S)


@contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    """Treat SIGTERM as Ctrl-C: otherwise the terminal would be left without its cursor."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _facts(pulse: Pulse, document: ShownStatus | None) -> JsonObject:
    return {**(document or {}), "daemon": vars(pulse)}


def _page(layout: Layout, pulse: Pulse, document: ShownStatus | None) -> Group:
    return page(str(layout.root), document, pulse.problem)


def read_pulse(layout: Layout) -> Pulse:
    """Return whether the daemon of a workspace runs, by its lock and its heartbeat."""
    now = SystemClock().now()
    return pulse_of(alive(layout), read_status(layout), now, str(layout.root))
