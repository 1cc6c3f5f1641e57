"""A file that ends too early is taken as far as it is whole, and that is told."""

import gzip
import json
from pathlib import Path

import pytest

from daemon.files.file_notes import FileNotes
from daemon.files.limits import Unreadable
from daemon.files.unpacking import lines
from tests.files import made

ONE, TWO = '{"prompt": "q", "completion": "a"}', '{"prompt": "r", "completion": "b"}'
TABLE = "prompt,completion\nq,a\nr,b\n"
LONG = made.json_lines([made.Row(prompt=str(n**9), completion=str(n**7)) for n in range(60_000)])


def read(folder: Path, data: bytes, name: str = "rows.json") -> tuple[list[bytes], FileNotes]:
    path, notes = folder / name, FileNotes()
    path.write_bytes(data)
    return list(lines(path, folder, notes=notes)), notes


@pytest.mark.parametrize(
    ("text", "whole", "where"),
    [
        (f"[{ONE},\n{TWO},\n", 2, "after a comma, behind row 2"),
        (f"[{ONE},\n{TWO}", 2, "before the bracket that closes its list, behind row 2"),
        (f"[{ONE},\n{TWO[:-9]}", 1, "in the middle of row 2"),
        (f'[{ONE},\n{{"prompt": "\\ud83d\\ud', 1, "in the middle of row 2"),
        (f"{ONE},\n{TWO},", 2, "after a comma, behind row 2"),
        (f"{{\n{ONE[1:]}\n{TWO[:-9]}", 1, "in the middle of row 2"),
        (f'{{"data": [{ONE}, {TWO}', 2, "before the bracket that closes its list, behind row 2"),
        (f'{{"data": [{ONE}, {TWO}]', 2, "before the brace that closes its object, behind row 2"),
        (f'{{"data": [{ONE}, {TWO}], "ver', 2, "behind row 2"),
        ("[", 0, "before the bracket that closes its list"),
    ],
)
def test_json_that_ends_too_early_is_told_with_the_place(
    tmp_path: Path, text: str, whole: int, where: str
) -> None:
    """An array without its bracket, or cut behind a comma, was taken for a whole one."""
    found, notes = read(tmp_path, text.encode())
    assert [json.loads(row) for row in found[:whole]] == [json.loads(ONE), json.loads(TWO)][:whole]
    assert len(found) <= whole + 1 and notes.cut_off == where
    assert all(not row.endswith(b"\n") for row in found[whole:])
    [said] = notes.sentences()
    assert where in said and "perhaps it was cut off" in said and "download it again" in said


@pytest.mark.parametrize("text", [f"[{ONE},]", f"[{ONE}]\n", f"{ONE}\n{TWO}", '{"data": []}'])
def test_json_that_ends_where_it_may_is_not_called_cut_off(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text.encode())[1] == FileNotes()


@pytest.mark.parametrize("pack", [gzip.compress, made.zst])
@pytest.mark.parametrize("share", [0.3, 0.9, 0.999])
def test_what_comes_out_of_a_packed_file_before_its_cut_is_read(
    tmp_path: Path, pack: made.Pack, share: float
) -> None:
    """It was refused as a whole, where an array that is cut off loses its last row only."""
    data = pack(LONG)
    found, notes = read(tmp_path, data[: int(len(data) * share)], "rows.jsonl")
    text = b"".join(found)
    assert LONG.startswith(text) and len(text) > len(LONG) * share / 2
    assert "packed" in notes.cut_off
    assert read(tmp_path, data, "rows.jsonl")[1] == FileNotes()


def test_a_parquet_file_without_its_end_has_no_row_that_is_whole(tmp_path: Path) -> None:
    """Where its columns stand is said at its end."""
    for data in (made.parquet()[:-20], gzip.compress(made.parquet()[:-20])):
        with pytest.raises(Unreadable, match="cut off") as refused:
            read(tmp_path, data, "rows.parquet")
        assert refused.value.bad.code == "cut_off" and "again" in refused.value.bad.hint


@pytest.mark.parametrize(
    ("end", "where"),
    [
        ('"c and, much', "in the middle of line 4, within quotes"),
        ('"c\n\nand more\n', "in the middle of line 6, within quotes"),
        ('"c ""so"" said","d', "in the middle of line 4, within quotes"),
        ("c", "in the middle of line 4"),
    ],
)
def test_the_last_row_of_a_table_that_is_cut_off_is_refused_alone(
    tmp_path: Path, end: str, where: str
) -> None:
    """An open quote in it refused the whole table, and a row cut behind a cell was taken."""
    found, notes = read(tmp_path, (TABLE + end).encode(), "rows.csv")
    *rows, last = [json.loads(row) for row in found]
    assert rows == [json.loads(ONE), json.loads(TWO)] and notes.cut_off == where
    assert last["unreadable_row"]["code"] == "incomplete_last_line" and last["raw"] == end.rstrip()


def test_a_last_cell_without_a_line_end_may_be_too_short(tmp_path: Path) -> None:
    """Nobody can tell whether it is; where the file is known to be cut off, its row is refused."""
    found, notes = read(tmp_path, TABLE.encode()[:-1], "rows.csv")
    assert len(found) == 2 and not notes.cut_off and "too short" in notes.unread[0]
    assert read(tmp_path, TABLE.encode()[:-2] + b'"b"', "rows.csv")[1] == FileNotes()
    table = made.table(rows=made.ROWS * 5000).encode()
    packed = gzip.compress(table)
    found, notes = read(tmp_path, packed[: len(packed) // 2], "rows.csv.gz")
    last = json.loads(found[-1])
    assert last["unreadable_row"]["code"] == "incomplete_last_line" and notes.cut_off


def test_half_a_character_at_the_end_of_utf_16_is_a_cut(tmp_path: Path) -> None:
    """The whole file was called no UTF-16."""
    found, notes = read(tmp_path, f"{ONE}\n{TWO}\n".encode("utf-16")[:-1], "rows.jsonl")
    assert b"".join(found) == f"{ONE}\n{TWO}".encode() and "character" in notes.cut_off


def test_an_object_that_is_broken_in_its_middle_is_not_cut_off(tmp_path: Path) -> None:
    long = ", ".join([ONE] * 3000)
    for text in (f"[{ONE} {TWO}]", f'{{"data": [{long}, {{"prompt" "q"}}, {TWO}]}}'):
        with pytest.raises(Unreadable) as refused:
            read(tmp_path, text.encode())
        assert refused.value.bad.code == "broken_json"
