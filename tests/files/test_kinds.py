"""Whatever a file is called: its content says what it is, and every row of it is read."""

import gzip
import json
from pathlib import Path

import pytest

from daemon.files.kinds import FileKind, kind_of
from daemon.files.unpacking import lines
from tests.files import made
from tests.files.made import KINDS, ROWS, said


@pytest.mark.parametrize("name", KINDS)
def test_every_row_of_every_kind_of_file_is_read(tmp_path: Path, name: str) -> None:
    """Only `.jsonl` was read, and a file of another kind in it was refused."""
    path = tmp_path / name
    path.write_bytes(KINDS[name])
    found = [json.loads(line.removeprefix(b"\xef\xbb\xbf")) for line in lines(path, tmp_path)]
    if name == "mac.jsonl" or "table" in str(kind_of(path)):
        found = [{key: text.replace("\r\n", "\n") for key, text in row.items()} for row in found]
    assert found == ROWS
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "data",
    [
        made.json_lines(),
        b"\xef\xbb\xbf" + made.json_lines(end="\r\n"),
        b'{"a": 1}',
        b"{}\n{}",
        b'{"a": \n{"prompt": "a", "completion": "b"}\n',
        b'words\n{"prompt": "a", "completion": "b"}\n',
        b'[{"role": "user", "content": "q"}]\n[{"role": "user", "content": "q"}]\n',
        b"[[1], [2]]\n[[3]]\n",
        b'{"text": "' + b"x" * 200_000 + b'"}\n{}\n',
    ],
    ids=range(9),
)
def test_json_lines_are_read_where_they_lie(tmp_path: Path, data: bytes) -> None:
    """Nothing is copied of a file that is read as it is."""
    (tmp_path / "x.json").write_bytes(data)
    assert kind_of(tmp_path / "x.json") == FileKind()


FOREIGN = {
    "lfs_pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64,
    "web_page": b"\n<!DOCTYPE html>\n<html><body>Sign in</body></html>",
    "xml": b'<?xml version="1.0"?><rows/>',
    "pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3",
    "office": b"PK\x03\x04\x14\0\x06\0\x08\0"
    + b"\0" * 20
    + b"[Content_Types].xml"
    + b"\0" * 99
    + b"xl/workbook.xml",
    "archive": b"PK\x03\x04\x14\0\0\0\x08\0" + b"\0" * 20 + b"rows.jsonl",
    "pickle": b"\x80\x04\x95\x10\0\0\0\0\0\0\0}\x94\x8c\x01a\x94K\x01s.",
    "database": b"SQLite format 3\0" + b"\0" * 84,
    "table_file": b"ARROW1\0\0" + b"\0" * 56,
    "picture": b"\x89PNG\r\n\x1a\n",
    "empty": b" \n\n",
}


@pytest.mark.parametrize("code", FOREIGN)
@pytest.mark.parametrize("packed", [False, True])
def test_a_file_that_holds_no_rows_is_called_what_it_is(
    tmp_path: Path, code: str, packed: bool
) -> None:
    """Each of their lines was refused by itself, as bad JSON."""
    path = tmp_path / "rows.jsonl"
    path.write_bytes(gzip.compress(FOREIGN[code]) if packed else FOREIGN[code])
    found = kind_of(path)
    assert said(found) == code and not isinstance(found, FileKind) and found.hint


@pytest.mark.parametrize(
    ("code", "data"),
    [
        ("archive", b"PK\x05\x06" + b"\0" * 18),
        ("archive", b"BZh91AY&SY"),
        ("archive", b"\xfd7zXZ\0\0"),
        ("archive", b"\0" * 257 + b"ustar" + b"\0" * 250),
        ("office", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
        ("damaged", b"\0" * 70_000),
        ("cut_off", gzip.compress(made.json_lines())[:11]),
        ("cut_off", made.zst(made.json_lines())[:-6]),
        ("damaged", gzip.compress(made.json_lines())[:-8] + b"\0" * 8),
        ("packed_twice", gzip.compress(made.zst(b"{}"))),
        ("empty", gzip.compress(b"")),
        ("wrong_encoding", "{}{}".encode("utf-16-le")),
        ("no_header", b"What is it, then?,It is this.\nAnd that?,It is that.\n"),
    ],
    ids=range(13),
)
def test_what_cannot_be_read_is_told_at_once(tmp_path: Path, code: str, data: bytes) -> None:
    """A damaged file is refused as one, with one sentence."""
    path = tmp_path / "rows.csv"
    path.write_bytes(data)
    found = kind_of(path)
    assert said(found) == code and not isinstance(found, FileKind) and found.hint
