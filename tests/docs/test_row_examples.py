"""Intake takes the rows and files that `docs/data.md` shows, as they stand there."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import page
from tests.intake.bench import Bench

ELLIPSIS = (("{…}", "{}"), (", …]", "]"), (", …}", "}"))
"""What stands for more of the same in an example."""


def table_below(heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading, its own heading left out."""
    text = page("docs/data.md").partition(f"{heading}\n")[2]
    table = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert table is not None
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in table[0].splitlines()[2:]
    ]


def examples_in(cell: str) -> list[str]:
    """Return the rows and files that a cell shows, written out."""
    found = []
    for example in re.findall(r"`([{\[].*?)`", cell):
        for short, long in ELLIPSIS:
            example = example.replace(short, long)
        found.append(example)
    return found


FORMS = [
    (form, example)
    for form, cell in table_below("## What a row may look like")
    for example in examples_in(cell)
]
FILES = [
    (ending, example)
    for _, ending, cell in table_below("## Kinds of files")
    for example in examples_in(cell)[:1]
]


@pytest.mark.parametrize(("form", "example"), FORMS)
def test_an_example_of_a_row_is_trained_as_it_stands(
    tmp_path: Path, form: str, example: str
) -> None:
    """A reader copies the example: it must not be refused, nor a key of it left unread."""
    report = Bench(tmp_path).take_in(f"{example}\n".encode())
    assert report["verdict"] == "accepted", (form, report["message"])
    assert report["rows"]["train"] + report["rows"]["holdout"] == 1
    assert not report["warnings"], form


@pytest.mark.parametrize(("ending", "example"), FILES)
def test_an_example_of_a_file_is_taken_as_it_stands(
    tmp_path: Path, ending: str, example: str
) -> None:
    name = "dropped" + ending.split("`")[1]
    report = Bench(tmp_path).take_in(example.encode(), name=name)
    assert report["verdict"] == "accepted", report["message"]


def test_there_are_examples_of_every_form() -> None:
    """The tests above would say nothing of a form without one."""
    assert len(FORMS) >= 9 and len(FILES) >= 3
    assert {form for form, _ in FORMS} == {f for f, _ in table_below("## What a row may look like")}
