"""Rows in a list within one object are read where it is certain which list that is."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from daemon.core.rows.refusal import Bad
from daemon.files.file_notes import FileNotes
from daemon.files.kinds import kind_of
from daemon.files.limits import Unreadable
from daemon.files.unpacking import lines
from tests.files.made import ROWS, Row

TALK = [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]
CALL = {"type": "function", "function": {"name": "light", "parameters": {}}}
MANY = ROWS * 700
"""More than is looked at to say what a file is."""


def read(folder: Path, value: Any, **written: Any) -> tuple[list[Any], FileNotes]:
    path, notes = folder / "rows.json", FileNotes()
    path.write_text(json.dumps(value, **written))
    return [json.loads(row) for row in lines(path, folder, ("frage",), notes)], notes


@pytest.mark.parametrize("rows", [ROWS, MANY], ids=("few", "many"))
@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize(
    "key", ["data", "rows", "examples", "conversations", "train", "Training Data", "faq_entries"]
)
def test_a_list_of_rows_in_an_object_is_read(
    tmp_path: Path, rows: list[Row], indent: int | None, key: str
) -> None:
    """The whole file was one row of an unknown form."""
    found, notes = read(tmp_path, {"version": "1.0", key: rows, "license": "MIT"}, indent=indent)
    assert found == rows and notes == FileNotes()
    assert str(kind_of(tmp_path / "rows.json")) == f"a JSON object around a list of rows, {key!r}"


def test_a_packed_object_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "rows.json.gz"
    path.write_bytes(gzip.compress(json.dumps({"data": MANY}).encode()))
    assert len(list(lines(path, tmp_path))) == len(MANY)


def test_of_a_dictionary_of_splits_only_train_is_read_and_the_others_are_told(
    tmp_path: Path,
) -> None:
    found, notes = read(tmp_path, {"test": ROWS[:2], "train": ROWS, "validation": ROWS[:3]})
    assert found == ROWS
    assert [said.partition(" beside")[0] for said in notes.unread] == [
        "the list 'test' (2 items)",
        "the list 'validation' (3 items)",
    ]
    assert "NAME.test.json" in notes.unread[0]


def test_what_stands_beside_the_rows_is_told(tmp_path: Path) -> None:
    """As of the pages of a hub's viewer, whose `features` are a list of objects too."""
    page = {"features": [{"name": "prompt"}], "rows": [{"row_idx": 0, "row": ROWS[0]}]}
    found, notes = read(tmp_path, {**page, "remark": "half of it"})
    assert found == page["rows"] and len(notes.unread) == 2
    assert notes.unread[1] == "'remark' beside the list 'rows' is not read"


@pytest.mark.parametrize(
    "row",
    [
        {"conversations": TALK},
        {"data": TALK},
        {"tools": [CALL], "messages": [{"role": "user", "content": "q"}]},
        {"examples": ROWS, "question": "q", "answer": "a"},
        {"examples": MANY, "question": "q", "answer": "a"},
        {"frage": [{"a": 1}], "examples": ROWS},
        {"notes": [{"at": 3}], "words": "q"},
    ],
)
def test_an_object_that_is_a_row_itself_stays_one(tmp_path: Path, row: Row) -> None:
    assert read(tmp_path, row) == ([row], FileNotes())


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("several_lists", {"monday": ROWS, "tuesday": ROWS}),
        ("several_lists", {"data": ROWS, "items": ROWS}),
        ("no_train_list", {"test": ROWS}),
        ("no_train_list", {"validation": ROWS, "test": ROWS}),
    ],
)
def test_an_object_in_which_the_rows_are_not_certain_is_named(
    tmp_path: Path, code: str, value: Any
) -> None:
    """Guessing would train what was meant to be measured with, or leave a half out."""
    with pytest.raises(Unreadable):
        read(tmp_path, value)
    found = kind_of(tmp_path / "rows.json")
    assert isinstance(found, Bad) and found.code == code and "by itself" in found.hint


def test_a_second_object_without_the_list_refuses_the_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text(json.dumps({"data": MANY}, indent=1) + json.dumps({"other": ROWS}))
    with pytest.raises(Unreadable, match="has no list 'data'"):
        list(lines(path, tmp_path))


@pytest.mark.parametrize("between", ["", "\n", "\n\n"])
def test_small_objects_in_a_row_that_each_hold_a_list_are_all_read(
    tmp_path: Path, between: str
) -> None:
    """Of two such objects below 64 KiB each was refused as one row of an unknown form."""
    path = tmp_path / "rows.json"
    path.write_text(between.join(json.dumps({"data": [row]}) for row in ROWS))
    assert len(list(lines(path, tmp_path))) == len(ROWS)


def test_rows_behind_a_small_object_with_a_list_are_not_lost(tmp_path: Path) -> None:
    """The rows in the list were one refused row, and only those behind it were trained."""
    path = tmp_path / "rows.json"
    path.write_text(json.dumps({"data": ROWS}) + "\n" + json.dumps(ROWS[0]))
    with pytest.raises(Unreadable, match=f"behind row {len(ROWS)}, has no list 'data'"):
        list(lines(path, tmp_path))
