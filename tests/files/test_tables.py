"""Tables are read as Excel and people write them; a broken row is refused and never guessed at."""

import json
from pathlib import Path
from typing import Any

import pytest

from daemon.core.rows.refusal import Bad
from daemon.core.rows.refusal_rows import raw_of, refusal_in
from daemon.files.file_notes import FileNotes
from daemon.files.kinds import kind_of
from daemon.files.limits import Limits, Unreadable
from daemon.files.unpacking import lines, unpacked


def read(tmp_path: Path, text: str | bytes, name: str = "x.csv") -> list[dict[str, Any]]:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return [json.loads(line) for line in lines(path, tmp_path)]


def refused(row: dict[str, Any]) -> str:
    found = refusal_in(row)
    return found.code if found is not None else ""


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ('prompt,completion\n"a ""b"", c","d\ne"\n', {"prompt": 'a "b", c', "completion": "d\ne"}),
        ("prompt, completion\na, b\n", {"prompt": "a", "completion": "b"}),
        ('prompt, completion\na, "b, c"\n', {"prompt": "a", "completion": "b, c"}),
        ("prompt;completion\n\na;b;\n", {"prompt": "a", "completion": "b"}),
        (",prompt,completion\n0,a,b\n", {"Unnamed: 0": "0", "prompt": "a", "completion": "b"}),
        ("Prompt,system,Completion\na,,b\n", {"Prompt": "a", "Completion": "b"}),
        ("sep=|\nprompt|completion\na|b", {"prompt": "a", "completion": "b"}),
        ('"sep=;"\r\nprompt;completion\r\na;b\r\n', {"prompt": "a", "completion": "b"}),
        ("text\nonly one column, it is\n", None),
        ("text\nonly one column\n", {"text": "only one column"}),
        ("frage,antwort\na,b\n", {"frage": "a", "antwort": "b"}),
    ],
    ids=range(11),
)
def test_a_row_of_a_table_is_an_object(
    tmp_path: Path, text: str, row: dict[str, str] | None
) -> None:
    [found] = read(tmp_path, text)
    assert found == row if row is not None else refused(found) == "broken_table_row"


def test_a_row_with_too_many_cells_is_refused_by_itself(tmp_path: Path) -> None:
    """A comma that is not quoted cut an answer short; the cells behind it were left out."""
    text = "prompt,completion\na,b\nc,d, and more\n" + '"e"x,f\n' + "g,h\n"
    found = read(tmp_path, text)
    assert [refused(row) for row in found] == ["", "broken_table_row", "broken_table_row", ""]
    assert found[1]["raw"] == "c,d, and more" and found[2]["raw"] == '"e"x,f'
    data = json.dumps(found[1], separators=(",", ":")).encode()
    assert raw_of(data) == b"c,d, and more" and raw_of(b'{"a": 1}') == b'{"a": 1}'


def test_a_line_in_no_certain_encoding_is_refused_by_itself(tmp_path: Path) -> None:
    text = (
        b"prompt,completion\n\xe2\xee\xef\xf0,\xee\xf2\xe2\xe5\xf2\n"
        + "é,è\n".encode()
        + b"\xe9,\xe8\n"
    )
    found = read(tmp_path, text)
    assert refused(found[0]) == "not_utf8"
    assert found[1:] == [{"prompt": "é", "completion": "è"}] * 2


def test_a_table_whose_names_cannot_be_read_is_refused_once(tmp_path: Path) -> None:
    """Each of its lines was refused as bad JSON."""
    (tmp_path / "x.csv").write_bytes(b"\xe2\xee\xef\xf0\xee\xf1,\xee\xf2\xe2\xe5\xf2\n1,2\n")
    found = kind_of(tmp_path / "x.csv")
    assert isinstance(found, Bad) and found.code == "wrong_encoding" and "UTF-8" in found.hint


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("open_quote", 'prompt,completion\na,b\n"c,d\n' + "e,f\n" * 100),
        ("repeated_column", "prompt,completion,Prompt\na,b,c\n"),
        ("open_quote", 'prompt,completion\n"' + "a\n" * 3000),
        ("line_too_long", "prompt,completion\n" + "a" * 9000),
    ],
)
def test_a_table_that_cannot_be_read_on_is_refused_as_a_whole(
    tmp_path: Path, code: str, text: str
) -> None:
    """A quote that is never closed takes all that follows into one cell."""
    path = tmp_path / "x.csv"
    path.write_text(text)
    kind = kind_of(path)
    assert not isinstance(kind, Bad)
    with pytest.raises(Unreadable) as told:
        list(unpacked(path, kind, Limits(row_bytes=4096), tmp_path, FileNotes()))
    assert told.value.bad.code == code


def test_own_names_of_columns_tell_a_table(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text("frage;antwort\na;b\n")
    unknown = kind_of(tmp_path / "x.jsonl")
    assert isinstance(unknown, Bad) and unknown.code == "no_header"
    assert "semicolons" in str(kind_of(tmp_path / "x.jsonl", {"frage", "antwort"}))
