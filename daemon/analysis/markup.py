"""Builds HTML elements from escaped text."""

from collections.abc import Sequence
from html import escape as text

__all__ = ["Html", "element", "join", "table", "text"]

Html = str
"""HTML whose untrusted parts are already escaped by `text`."""


def element(tag: str, *children: Html, kind: str = "") -> Html:
    """Return an element; `kind` is its class."""
    named = f' class="{text(kind)}"' if kind else ""
    return f"<{tag}{named}>{''.join(children)}</{tag}>"


def join(*parts: Html) -> Html:
    """Return parts, one a line, without the empty ones."""
    return "\n".join(part for part in parts if part)


def table(
    names: Sequence[str],
    rows: Sequence[Sequence[str]],
    numbers: Sequence[int] = (),
    stacked: bool = False,
) -> Html:
    """Return a table of untrusted texts; `numbers` are the columns of figures.

    A `stacked` table becomes a list of cards where the page is narrow.
    """
    head = "".join(_cell("th", name, place in numbers, "") for place, name in enumerate(names))
    body = "".join(_row(names, row, numbers, stacked) for row in rows)
    # Chart tables have no header for their first column: it holds the rows' labels.
    kind = "stack" if stacked else ""
    return element(
        "table", element("thead", element("tr", head)), element("tbody", body), kind=kind
    )


def _row(names: Sequence[str], row: Sequence[str], numbers: Sequence[int], stacked: bool) -> Html:
    cells = (
        _cell("td", value, place in numbers, names[place] if stacked else "")
        for place, value in enumerate(row)
    )
    return element("tr", *cells)


def _cell(tag: str, value: str, number: bool, name: str) -> Html:
    kind = ' class="number"' if number else ""
    named = f' data-name="{text(name)}"' if name else ""
    scope = ' scope="col"' if tag == "th" and value else ""
    tag = tag if value or tag == "td" else "td"
    return f"<{tag}{kind}{named}{scope}>{text(value)}</{tag}>"
