"""Escapes text for Markdown, so that hostile text neither adds markup nor breaks a table."""

import re

from daemon.core.workspace.jobs import escape, one_line

LONGEST = 2000
"""Most characters shown of any text."""
QUOTED = 400
"""Most characters shown of a question or an answer."""

_MARKS = re.compile(
    # An underscore within a word starts no emphasis; names of settings stay readable.
    r"[\\`*{}\[\]<>#|~$@]|(?<![^\W_])_|_(?![^\W_])"
    # Entities, and the addresses that GitHub turns into links.
    r"|&(?=#?\w+;)|:(?=//)|(?<=\bwww)\.(?=\w)"
    # What begins a list, a rule or the line under a heading.
    r"|^[-+=](?=[-+=\s]|$)",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"^(\d+)([.)])(?=\s|$)")


def plain(untrusted: str) -> str:
    """Return a single-line text in which no Markdown or HTML takes effect."""
    marked = _MARKS.sub(r"\\\g<0>", escape(untrusted.strip(), LONGEST))
    return _NUMBERED.sub(r"\1\\\2", marked)


def code(untrusted: str) -> str:
    """Return a text as inline code, outside of tables."""
    shown = one_line(untrusted, QUOTED)
    fence = _fence(shown, 1)
    return f"{fence} {shown} {fence}"


def code_cell(untrusted: str) -> str:
    """Return a text as inline code inside a table, where a bar would end the cell."""
    shown = one_line(untrusted, QUOTED).replace("|", "\\|")
    fence, edge = _fence(shown, 1), " " if "`" in shown else ""
    return f"{fence}{edge}{shown}{edge}{fence}"


def fenced(text: str, language: str) -> str:
    """Return lines as a code block."""
    fence = _fence(text, 3)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def _fence(text: str, least: int) -> str:
    """Return a run of backticks longer than any in a text."""
    return "`" * max(least, 1 + max(map(len, re.findall("`+", text)), default=0))
