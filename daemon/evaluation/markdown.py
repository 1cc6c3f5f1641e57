"""Renders untrusted texts and tables as Markdown in which none of their marks take effect."""

import re
from collections.abc import Iterator, Sequence

from daemon.core.workspace.jobs import escape, one_line

TEXT = 400
"""Characters shown of a question or an answer."""


def rounded(value: float | None) -> str:
    """Return a figure with four significant digits; an empty text for None."""
    return "" if value is None else f"{value:.4g}"


def table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table."""
    yield f"| {' | '.join(names)} |"
    yield f"|{' --- |' * len(names)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def plain(untrusted: str) -> str:
    """Return an untrusted text with all Markdown escaped."""
    return re.sub(r"([\\`*_{}\[\]()<>#!|])", r"\\\1", escape(untrusted, TEXT))


def code(untrusted: str) -> str:
    """Return an untrusted text as Markdown code: no link, image or tag in it takes effect."""
    shown = one_line(untrusted, TEXT)
    fence = "`" * (1 + max(map(len, re.findall("`+", shown)), default=0))
    return f"{fence} {shown} {fence}"
