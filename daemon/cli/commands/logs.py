"""`logs`: shows the daemon's structured log."""

from collections.abc import Iterable, Mapping
from typing import Annotated

import typer
from rich.text import Text

from daemon.cli.output.screen import echo, fact, out, read_no_more, safe
from daemon.cli.place import HERE, Json, Root, workspace
from daemon.clock import SystemClock
from daemon.folders.status.reading import Lines

POLL_S = 0.25
BACK_BYTES = 8 * 2**20
"""How much is read to find the last lines."""
COLOURS = {"warning": "yellow", "error": "red", "critical": "bold red", "debug": "dim"}
KNOWN = ("timestamp", "level", "event", "exception")


def logs(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Keep showing new lines.")] = False,
    lines: Annotated[
        int, typer.Option("--lines", "-n", min=0, max=100_000, help="How many of the last lines.")
    ] = 20,
    root: Root = HERE,
    json: Json = False,
) -> None:
    """Show what the daemon has logged."""
    layout = workspace(root)
    following = Lines(layout.log_file, BACK_BYTES)
    if not follow and not layout.log_file.exists():
        echo(f"there is no log yet: {layout.log_file} is written by 'finetuned run'")
        return
    known = following.new()
    _show(known[max(0, len(known) - lines) :], json)
    clock = SystemClock()
    try:
        while follow and not read_no_more():
            clock.sleep_s(POLL_S)
            # A workspace that was removed gets no more lines.
            workspace(layout.root)
            _show(following.new(), json)
    except KeyboardInterrupt:
        return


def _show(records: Iterable[Mapping[str, object]], as_json: bool) -> None:
    for record in records:
        if as_json:
            fact(record)
        else:
            out.print(_line(record), soft_wrap=True)


def _line(record: Mapping[str, object]) -> Text:
    """Return a record as one line, and its traceback where it has one."""
    level = str(record.get("level"))
    when = str(record.get("timestamp"))[:19].replace("T", " ")
    line = Text(f"{_safe(when)} ", style="dim")
    line.append(f"{_safe(level):8} ", style=COLOURS.get(level, "green"))
    line.append(_safe(record.get("event")), style="default")
    for name, value in record.items():
        if name not in KNOWN and value is not None:
            line.append(f" {_safe(name)}={_safe(value)}", style="dim")
    if record.get("exception"):
        line.append(f"\n{safe(str(record['exception']))}", style="red")
    return line


def _safe(value: object) -> str:
    return safe(str(value)).replace("\n", "\\n")
