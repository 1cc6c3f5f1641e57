"""What people drop is taken, whatever kind of file it is, and told as what it was read."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from daemon.folders.disk.file_state import tail_of
from tests.files.made import KINDS, ROWS, array, json_lines, parquet
from tests.intake.bench import Bench, codes, pair

ALL = len(ROWS)
SOME = [
    "rows.json",
    "pretty.json",
    "mac.jsonl",
    "utf-16-be.jsonl",
    "told.csv",
    "rows.parquet.zst",
    "members.jsonl.gz",
    "table.jsonl",
]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def kept(report: dict[str, Any]) -> int:
    return int(report["rows"]["train"] + report["rows"]["holdout"])


@pytest.mark.parametrize("name", SOME)
def test_every_row_of_another_kind_of_file_is_trained(bench: Bench, name: str) -> None:
    """Such a file was refused, or converted by hand before it was dropped."""
    report = bench.take_in(KINDS[name], name=name)
    assert (report["verdict"], kept(report)) == ("accepted", ALL)
    assert bench.place.original.read_bytes() == KINDS[name]
    assert any("line numbers and offsets" in said for said in report["warnings"])
    assert not report["file"]["plain"] and report["file"]["unpacked_bytes"] > 0
    left = {path.name for path in bench.place.folder.iterdir()}
    assert not any(name.startswith(".tmp") or name.endswith(".tmp") for name in left)


def test_json_lines_are_read_where_they_lie(bench: Bench) -> None:
    report = bench.take_in(json_lines())
    assert report["file"] == {
        "kind": "JSON lines",
        "plain": True,
        "unpacked_bytes": report["bytes"],
        "tail": tail_of(bench.place.original, report["bytes"]),
    }
    assert not report["warnings"]


def test_a_refused_row_is_found_in_the_unpacked_text(bench: Bench) -> None:
    """Line and offset of a packed file were those of no text."""
    text = json_lines(ROWS[:3]) + b'{"prompt": 7}\n' + json_lines(ROWS[3:])
    report = bench.take_in(gzip.compress(text), name="x.jsonl.gz")
    [refused] = bench.rows("rejected")
    assert kept(report) == ALL and refused["line"] == 4
    assert text[refused["offset"] :][: refused["length"]] == b'{"prompt": 7}'


def test_what_is_wrong_with_one_row_of_an_array_is_its_own(bench: Bench) -> None:
    report = bench.take_in(array(ROWS)[:-1] + b', {"text": NaN}, {"text": "a", "text": "b"}]')
    assert kept(report) == ALL and codes(report) == {"not_finite": 1, "repeated_key": 1}
    assert [row["line"] for row in bench.rows("rejected")] == [ALL + 1, ALL + 2]


def test_an_array_that_is_cut_off_loses_its_last_row_only(bench: Bench) -> None:
    report = bench.take_in(array(ROWS)[:-12])
    assert kept(report) == ALL - 1 and codes(report) == {"incomplete_last_line": 1}
    assert any("in the middle of row 12: perhaps it was cut off" in w for w in report["warnings"])


@pytest.mark.parametrize(
    ("data", "where", "lost"),
    [
        (array(ROWS)[:-1], "before the bracket that closes its list, behind row 12", 0),
        (json_lines()[:-9], "in the middle of its last line", 1),
        (json_lines()[:-5] + "ß".encode()[:1], "in the middle of its last line", 1),
        (gzip.compress(json_lines())[:-4], "without the end of what gzip has packed", 0),
    ],
)
def test_every_file_that_is_cut_off_is_taken_as_far_as_it_is_whole_and_told(
    bench: Bench, data: bytes, where: str, lost: int
) -> None:
    """An array that ended behind a row was taken without a word."""
    report = bench.take_in(data)
    assert kept(report) == ALL - lost and codes(report) == (
        {"incomplete_last_line": 1} if lost else {}
    )
    [said] = [warning for warning in report["warnings"] if "cut off" in warning]
    assert f"the file ends {where}: perhaps it was cut off" in said


def test_rows_within_one_object_are_taken_and_what_stands_beside_them_is_told(
    bench: Bench,
) -> None:
    report = bench.take_in(json.dumps({"train": ROWS, "test": ROWS[:2]}).encode())
    assert kept(report) == ALL and "'train'" in report["file"]["kind"]
    assert any("the list 'test' (2 items)" in warning for warning in report["warnings"])
    report = bench.take_in(json.dumps({"monday": ROWS, "tuesday": ROWS}).encode())
    assert (report["verdict"], report["code"]) == ("refused", "several_lists")


@pytest.mark.parametrize("own", ["", '[intake.fields]\nprompt = "frage"\ncompletion = "antwort"\n'])
def test_a_table_is_known_by_a_users_own_names_of_its_columns(tmp_path: Path, own: str) -> None:
    """The names of its own settings did not tell it: its lines were refused as bad JSON."""
    everywhere = '[intake.fields]\nprompt = "frage"\ncompletion = "antwort"\n'
    bench = Bench(tmp_path, "" if own else everywhere)
    report = bench.take_in(
        b"frage;antwort\n" + b"".join(b"q%d;a%d\n" % (n, n) for n in range(12)), own=own
    )
    assert kept(report) == 12 and "semicolons" in report["file"]["kind"]
    assert report["file"]["own_names"] == ["antwort", "frage"]


def test_a_broken_row_of_a_table_is_refused_with_its_own_text(bench: Bench) -> None:
    data = b"prompt,completion\n" + b"".join(b"q%d,a%d\n" % (n, n) for n in range(12)) + b"x,y,z\n"
    report = bench.take_in(data, name="x.csv")
    assert kept(report) == 12 and codes(report) == {"broken_table_row": 1}
    assert bench.rows("rejected")[0]["raw"] == "x,y,z"


@pytest.mark.parametrize(
    ("code", "data"),
    [
        ("lfs_pointer", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"),
        ("web_page", b"<!doctype html><html></html>"),
        ("pdf", b"%PDF-1.7"),
        ("cut_off", parquet()[:-20]),
        ("unpacked_too_large", gzip.compress(json_lines() + b" " * 5_000_000)),
    ],
)
def test_a_file_of_which_nothing_can_be_read_is_refused_once(
    bench: Bench, code: str, data: bytes
) -> None:
    report = bench.take_in(data, name="x.jsonl")
    assert (report["verdict"], report["code"]) == ("refused", code)
    assert codes(report) == {code: 1} and report["hint"]


def test_marks_in_the_middle_and_single_western_lines_are_read(bench: Bench) -> None:
    """Joined files, and lines pasted in from an old editor, were refused."""
    mark = b"\xef\xbb\xbf"
    rows = [json.dumps(pair(n)).encode() for n in range(12)]
    western = '{"prompt": "Où est le café?", "completion": "À gauche, près de là"}'
    unknown = b'{"prompt": "\xe2\xee\xef\xf0\xee\xf1", "completion": "\xce\xf2\xe2\xe5\xf2"}'
    report = bench.take_in(
        [mark + rows[0], *rows[1:6], mark + rows[6], *rows[7:], western.encode("cp1252"), unknown]
    )
    assert kept(report) == 13 and codes(report) == {"not_utf8": 1}
    assert "2 byte order mark(s) of joined files were left out" in report["warnings"]
    assert any("1 line(s) are windows-1252" in said for said in report["warnings"])
    texts = [
        m["content"] for r in (*bench.rows("train"), *bench.rows("holdout")) for m in r["messages"]
    ]
    assert "À gauche, près de là" in texts


def test_the_files_beside_a_file_are_its_hold_out_and_its_exam(bench: Bench) -> None:
    """mlx-lm's layout: `valid` may be looked at during a run, `test` only by the verdict."""
    held, asked = [pair(n) for n in range(50, 55)], [pair(n) for n in range(60, 67)]
    report = bench.take_in([pair(n) for n in range(12)], holdout=held, exam=asked)
    assert report["rows"]["train"] == 12 and report["own_holdout"]
    assert (report["rows"]["tune"], report["rows"]["judge"]) == (5, 7)
    halves = {row["line"]: row["half"] for row in bench.rows("holdout")}
    assert halves == {n: "tune" if n <= 5 else "judge" for n in range(1, 13)}


def test_an_empty_file_beside_an_exam_is_measured_with_only(bench: Bench) -> None:
    """As `submit --as exam` drops one: no row is trained, and each is barred from training."""
    report = bench.take_in(b"", exam=[pair(n) for n in range(5)])
    assert (report["verdict"], report["code"]) == ("nothing_new", "exam_only")
    assert report["rows"]["judge"] == report["rows"]["holdout"] == 5
    assert not bench.place.train.exists()
    bench.exams.append(bench.place.folder.name)
    report = bench.take_in([pair(n) for n in range(12)])
    assert report["rows"]["exam_row"] == 5 and kept(report) == 7


@pytest.mark.parametrize(
    "data", [b"[", b"[]", b" [ ] \n", b"\xef\xbb\xbf[\n", b"prompt,completion\n"]
)
def test_a_file_without_a_row_is_called_empty(bench: Bench, data: bytes) -> None:
    """Fault: an empty array was refused as "none of the 0 rows is usable", without a reason."""
    report = bench.take_in(data)
    assert report["verdict"] == "refused" and report["code"] == "empty"
    assert [reason["code"] for reason in report["reasons"]] == ["empty"]
    assert "holds no row" in report["message"]
