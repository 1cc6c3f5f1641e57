"""Figures and changed answers, as the reports of judgements and comparisons show them."""

from collections.abc import Sequence
from typing import Literal

from daemon.core.evaluation.reports import ChangedAnswers
from daemon.core.records import JsonObject
from daemon.core.workspace.jobs import one_line

CHANGES: dict[Literal["to_right", "to_wrong"], str] = {
    "to_right": "From wrong to right",
    "to_wrong": "From right to wrong",
}
SIDES = {"question": "question", "wanted": "golden", "before": "before", "after": "after"}
"""The columns of a changed answer, each with its key in the report."""
SHOWN = 20
"""Changed answers of each kind that are shown."""


def rounded(value: float | None) -> str:
    """Return a figure with four significant digits; an empty text for None."""
    return "" if value is None else f"{value:.4g}"


def changes(
    changed: ChangedAnswers, about: Sequence[str] = ("id",), subject: str = ""
) -> list[JsonObject]:
    """Return the changes of each kind: their title, how many there are, and those shown."""
    of = f", {subject}" if subject else ""
    keys = (*about, *SIDES.values())
    return [
        {
            "title": f"{title}{of}",
            "count": len(changed[kind]),
            "shown": changed[kind][:SHOWN],
            "names": (*about, *SIDES),
            "rows": [[one_line(str(one[key])) for key in keys] for one in changed[kind][:SHOWN]],
        }
        for kind, title in CHANGES.items()
    ]
