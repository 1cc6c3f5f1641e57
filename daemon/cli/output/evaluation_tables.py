"""Prints the report of an evaluation as tables."""

from collections.abc import Sequence

from rich.table import Table

from daemon.cli.output.screen import cell, echo, out
from daemon.core.evaluation.reports import ComparisonReport
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


def print_report(evaluation: str, report: ComparisonReport) -> None:
    """Print the tables of a report, then its findings as sentences."""
    for names, rows in (
        (SCORES, score_rows(report)),
        (TESTS, test_rows(report)),
        (LOSSES, loss_rows(report)),
        (TARGETS, target_rows(report)),
        (SUBJECTS, subject_rows(report)),
    ):
        _print(names, rows)
    first, *others = headline(report)
    echo(f"{evaluation}: {first}.", "bold")
    for sentence in (*others, *report["notes"]):
        echo(f"- {sentence}.")
    for name, kinds in report["changed"].items():
        right, wrong = len(kinds["to_right"]), len(kinds["to_wrong"])
        echo(f"- {name}: {right} from wrong to right, {wrong} from right to wrong.")
    for name, found in (report["targets"] or {}).items():
        for action in found["actions"]:
            echo(f"- for {name}: {action}.")


def _print(names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table without its empty columns."""
    if not rows:
        return
    used = [
        place
        for place, name in enumerate(names)
        # Where all are compared with one subject, the sentences below name it.
        if any(row[place] for row in rows)
        and (name != "against" or len({row[place] for row in rows}) > 1)
    ]
    table = Table(box=None, pad_edge=False, collapse_padding=True)
    for place in used:
        # Names of suites and files are wrapped first; "significant" stays one word.
        least = len("significant") if names[place] == "winner" else len(names[place])
        table.add_column(names[place], overflow="fold", min_width=least)
    for row in rows:
        table.add_row(*(cell(row[place]) for place in used))
    out.print(table)
    out.print()
