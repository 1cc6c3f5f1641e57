"""What commands write: facts as JSON, sentences for people, and foreign text made harmless."""

import json
import select
import sys
from typing import Any

import typer
from rich.console import Console
from rich.text import Text

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def facts(value: Any) -> None:
    """Write a value as JSON for programs."""
    typer.echo(json.dumps(value, ensure_ascii=True, allow_nan=False, indent=1))


def fact(value: Any) -> None:
    """Write a value as one line of JSON, for programs that read as it comes."""
    typer.echo(json.dumps(value, ensure_ascii=True, allow_nan=False))


def read_no_more() -> bool:
    """Tell whether what is written goes into a pipe whose reader has left, as `| head` does."""
    look = select.poll()
    try:
        look.register(sys.stdout, 0)
    except (ValueError, OSError):
        return False  # no file of the system: nobody can leave
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in look.poll(0))


def say(sentence: str, style: str = "") -> None:
    """Write a sentence; what it holds is never taken for markup, nor broken into lines."""
    out.print(Text(safe(sentence), style=style), soft_wrap=True)


def complain(sentence: str) -> None:
    """Write a sentence to stderr."""
    err.print(Text(safe(sentence), style="red"), soft_wrap=True)


def cell(value: object) -> Text:
    """Return foreign text for a table."""
    return Text("-" if value is None else safe(str(value)))


def safe(text: str) -> str:
    """Return text from a model, a file or a user in which nothing steers the terminal.

    Line ends and tabs stay; other control characters and text-direction marks become escapes.
    """
    return "".join(c if c.isprintable() or c in "\n\t" else _escape(c) for c in text)


def _escape(char: str) -> str:
    return f"\\u{ord(char):04x}"
