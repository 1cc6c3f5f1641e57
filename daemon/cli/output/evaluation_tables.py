"""Shows the report of an evaluation in a terminal; computes nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from daemon.cli.output.screen import cell, out, say
from daemon.evaluation.comparison_report import (
    LOSSES,
    SCORES,
    SUBJECTS,
    TARGETS,
    TESTS,
    headline,
    loss_rows,
    score_rows,
    subject_rows,
    target_rows,
    test_rows,
)


def tell(evaluation: str, report: Mapping[str, Any]) -> None:
    """Print the tables of a report, then what was found in sentences."""
    for names, rows in (
        (SCORES, score_rows(report)),
        (TESTS, test_rows(report)),
        (LOSSES, loss_rows(report)),
        (TARGETS, target_rows(report)),
        (SUBJECTS, subject_rows(report)),
    ):
        _print(names, rows)
    first, *others = headline(report)
    say(f"{evaluation}: {first}.", "bold")
    for said in (*others, *report["notes"]):
        say(f"- {said}.")
    for name, kinds in report["changed"].items():
        right, wrong = len(kinds["to_right"]), len(kinds["to_wrong"])
        say(f"- {name}: {right} from wrong to right, {wrong} from right to wrong.")
    for name, found in (report["targets"] or {}).items():
        for action in found["actions"]:
            say(f"- for {name}: {action}.")


def _print(names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table without the columns in which nothing stands."""
    if not rows:
        return
    used = [
        place
        for place, name in enumerate(names)
        # Where all are held against one, the sentences below say so.
        if any(row[place] for row in rows)
        and (name != "against" or len({row[place] for row in rows}) > 1)
    ]
    table = Table(box=None, pad_edge=False, collapse_padding=True)
    for place in used:
        # Names of suites and files give way first; "significant" stays one word.
        least = len("significant") if names[place] == "winner" else len(names[place])
        table.add_column(names[place], overflow="fold", min_width=least)
    for row in rows:
        table.add_row(*(cell(row[place]) for place in used))
    out.print(table)
    out.print()
