"""Prints the report of an evaluation as tables, and open questions with all answers."""

from collections.abc import Sequence

from rich.table import Table

from daemon.cli.output.screen import cell, echo, out
from daemon.core.evaluation.reports import ComparisonReport
from daemon.core.evaluation.writing_figures import ShownQuestion
from daemon.evaluation.comparison_report import headline, tables
from daemon.evaluation.writing_report import shown_questions

MOST_QUESTIONS = 20
"""Open questions of a suite that are printed with their answers; the pages have more."""
LONGEST = 240
"""Characters printed of a question or an answer."""


def print_report(evaluation: str, report: ComparisonReport) -> None:
    """Print the tables of a report, then its findings as sentences."""
    for name, names, rows in tables(report):
        _print(name, names, rows)
    _print_answers(report)
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


def _print_answers(report: ComparisonReport) -> None:
    """Print the answers to open questions side by side, one block a question."""
    for suite in shown_questions(report, LONGEST):
        if not suite["open"]:
            continue
        for one in suite["questions"][:MOST_QUESTIONS]:
            _print_question(one)
        left = suite["of"] - min(len(suite["questions"]), MOST_QUESTIONS)
        if left > 0:
            echo(f"and {left} more questions of {suite['suite']}, in the reports")


def _print_question(one: ShownQuestion) -> None:
    echo(f"{one['id']}: {one['question']}", "bold")
    for answer in one["answers"]:
        echo(f"  {answer['subject']} ({answer['about']})", "dim")
        echo(f"    {answer['text']}")
        for warning in answer["warnings"]:
            echo(f"    ⚠ {warning}", "yellow")
    out.print()


def _print(title: str, names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table without its empty columns."""
    used = [
        place
        for place, name in enumerate(names)
        # Where all are compared with one subject, the sentences below name it.
        if any(row[place] for row in rows)
        and (name != "against" or len({row[place] for row in rows}) > 1)
    ]
    table = Table(
        box=None, pad_edge=False, collapse_padding=True, title=title, title_justify="left"
    )
    for place in used:
        # Names of suites and files are wrapped first; "significant" stays one word.
        least = len("significant") if names[place] == "winner" else _longest_word(names[place])
        table.add_column(names[place], overflow="fold", min_width=least)
    for row in rows:
        table.add_row(*(cell(row[place]) for place in used))
    out.print(table)
    out.print()


def _longest_word(name: str) -> int:
    return max(map(len, name.split()), default=0)
