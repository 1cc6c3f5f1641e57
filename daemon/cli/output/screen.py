"""Terminal output: JSON for programs, sentences for people, untrusted text escaped."""

import json
import select
import sys
from collections.abc import Iterable
from typing import Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def facts(value: Any) -> None:
    """Write a value as JSON for programs."""
    typer.echo(json.dumps(value, ensure_ascii=True, allow_nan=False, indent=1))


def fact(value: Any) -> None:
    """Write a value as one line of JSON, for programs that read a stream."""
    typer.echo(json.dumps(value, ensure_ascii=True, allow_nan=False))


def read_no_more() -> bool:
    """Return whether stdout is a pipe whose reader has left, as `| head` does."""
    poll = select.poll()
    try:
        poll.register(sys.stdout, 0)
    except (ValueError, OSError):
        return False  # not a system file: there is no reader that could leave
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def echo(sentence: str, style: str = "") -> None:
    """Write a sentence; its text is never parsed as markup, nor wrapped."""
    out.print(Text(safe(sentence), style=style), soft_wrap=True)


def echo_error(sentence: str) -> None:
    """Write a sentence to stderr."""
    err.print(Text(safe(sentence), style="red"), soft_wrap=True)


def cell(value: object) -> Text:
    """Return untrusted text for a table cell."""
    return Text("-" if value is None else safe(str(value)))


def table(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> Table:
    """Return a table of untrusted values."""
    made = Table(*columns, box=None)
    for row in rows:
        made.add_row(*map(cell, row))
    return made


def safe(text: str) -> str:
    """Return untrusted text without anything that controls the terminal.

    Line ends and tabs stay; other control characters and text-direction marks become escapes.
    """
    return "".join(c if c.isprintable() or c in "\n\t" else _escape(c) for c in text)


def _escape(char: str) -> str:
    return f"\\u{ord(char):04x}"
