"""A table that only a user's own names of columns tell is one for every command.

Fault: `data convert` and `data dedup` took it for JSON lines where the daemon read a table.
"""

import json
from pathlib import Path

import pytest

from daemon.layout import Layout
from tests.cli.conftest import Command

NAMES = "prompt=frage,completion=antwort"
SETTINGS = '[intake.fields]\nprompt = "frage"\ncompletion = "antwort"\n'


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    rows = "".join(f"question {n % 11};answer {n % 11}\n" for n in range(12))
    path.write_text(f"frage;antwort\n{rows}")
    return path


def choose(layout: Layout, settings: str = "") -> None:
    layout.settings_file.write_text(f'model = "/nowhere/a-model"\n{settings}')


@pytest.mark.parametrize("given", ["option", "settings"])
def test_the_new_rows_of_such_a_table_are_written_as_json_lines(
    finetuned: Command, layout: Layout, table: Path, given: str
) -> None:
    choose(layout, SETTINGS if given == "settings" else "")
    words = ["--fields", NAMES] if given == "option" else []
    target = table.with_name("new.jsonl")
    done = finetuned("data", "dedup", table, "-o", target, *words, "--root", layout.root)
    assert done.exit_code == 0 and "11 of 12 rows" in done.output
    rows = [json.loads(line) for line in target.read_text().splitlines()]
    assert rows == [{"frage": f"question {n}", "antwort": f"answer {n}"} for n in range(11)]


@pytest.mark.parametrize("command", [["preview"], ["data", "stats"]])
def test_such_a_table_can_be_looked_at_by_names_given_for_it(
    finetuned: Command, layout: Layout, table: Path, command: list[str]
) -> None:
    choose(layout)
    done = finetuned(*command, table, "--fields", NAMES, "--root", layout.root)
    assert done.exit_code == 0 and "frage -> antwort (12 rows)" in done.output


@pytest.mark.parametrize("given", ["option", "settings"])
def test_such_a_table_is_converted(
    finetuned: Command, layout: Layout, table: Path, given: str
) -> None:
    choose(layout, SETTINGS if given == "settings" else "")
    words = ["--fields", NAMES] if given == "option" else []
    target = table.with_name("talks.jsonl")
    done = finetuned("data", "convert", table, "-o", target, *words, "--root", layout.root)
    assert done.exit_code == 0, done.output
    assert len(target.read_text().splitlines()) == 12


def test_such_a_table_without_an_ending_is_submitted(
    finetuned: Command, layout: Layout, table: Path
) -> None:
    source = table.rename(table.with_name("rows"))
    assert finetuned("submit", source, "--root", layout.root).exit_code == 1
    done = finetuned("submit", source, "--fields", NAMES, "--root", layout.root)
    assert done.exit_code == 0, done.output


def test_a_file_that_is_cut_off_is_converted_and_told(finetuned: Command, tmp_path: Path) -> None:
    source, target = tmp_path / "x.json", tmp_path / "y.jsonl"
    source.write_text('[{"prompt": "q", "completion": "a"},\n')
    done = finetuned("data", "convert", source, "-o", target)
    assert done.exit_code == 0 and "perhaps it was cut off" in done.output.replace("\n", " ")
    assert len(target.read_text().splitlines()) == 1
