"""Foreign texts and tables as Markdown in which nothing of theirs is Markdown; knows no report."""

import re
from collections.abc import Iterator, Sequence

from daemon.core.workspace.jobs import escape, one_line

TEXT = 400
"""Characters of a question or an answer that are shown."""


def rounded(value: float | None) -> str:
    """Return a figure with four digits that count; nothing for none."""
    return "" if value is None else f"{value:.4g}"


def table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Give the lines of a table."""
    yield f"| {' | '.join(names)} |"
    yield f"|{' --- |' * len(names)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def plain(said: str) -> str:
    """Return a foreign text in which nothing is Markdown."""
    return re.sub(r"([\\`*_{}\[\]()<>#!|])", r"\\\1", escape(said, TEXT))


def code(said: str) -> str:
    """Return a foreign text as Markdown code: nothing in it is a link, an image or a tag."""
    shown = one_line(said, TEXT)
    fence = "`" * (1 + max(map(len, re.findall("`+", shown)), default=0))
    return f"{fence} {shown} {fence}"
