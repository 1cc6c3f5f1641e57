"""Rows are cut out of arrays of any size, as they are written, in little memory."""

import json
import tracemalloc
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.files import json_text
from daemon.files.file_notes import FileNotes
from daemon.files.json_values import rows
from daemon.files.kinds import kind_of
from daemon.files.limits import Unreadable
from daemon.files.unpacking import lines

LONGEST = 2**20
MOST_BYTES = 8 * 2**20


def cut(text: bytes, piece: int = 1000, longest: int = LONGEST) -> list[bytes]:
    pieces = (text[begin : begin + piece] for begin in range(0, len(text), piece))
    return list(rows(pieces, longest, FileNotes()))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("[]", []),
        (" [ ] ", []),
        ('[{"a": 1}, [2], "x", 3]', [{"a": 1}, [2], "x", 3]),
        ('{"a": 1}\n{"b": 2}', [{"a": 1}, {"b": 2}]),
        ('{"a": 1},\n{"b": 2},\n', [{"a": 1}, {"b": 2}]),
        ('[1]\r\n[2, 3] 4\t"5"', [1, 2, 3, 4, "5"]),
        ("\ufeff[1,]\ufeff[2]", [1, 2]),
        ("12345", [12345]),
        ("[1.5e+3, -0.25, 1E-2]", [1500.0, -0.25, 0.01]),
        ('[{"role": "user"}] [[{"from": "x"}]]', [[{"role": "user"}], [{"from": "x"}]]),
    ],
)
@pytest.mark.parametrize("window", [1, 2, 3, 1000])
def test_arrays_and_values_beside_them_are_rows(
    monkeypatch: pytest.MonkeyPatch, window: int, text: str, found: list[Any]
) -> None:
    monkeypatch.setattr(json_text, "WINDOW", window)
    assert list(map(json.loads, cut(text.encode(), window))) == found


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.lists(JSON), st.integers(1, 40), st.booleans(), st.sampled_from([None, 2]))
def test_any_array_comes_through_any_window(
    items: list[Any], window: int, ascii: bool, indent: int | None
) -> None:
    text = json.dumps(items, ensure_ascii=ascii, indent=indent).encode("utf-8", "surrogatepass")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_text, "WINDOW", window)
        assert list(map(json.loads, cut(text, window))) == items


def test_what_is_wrong_within_a_row_stays_in_it() -> None:
    """One element with a key twice, with NaN or a foreign byte made a whole array unreadable."""
    text = b'[{"a": 1, "a": 2},\n{"b": NaN}, {"c":\r\n "\xff"}]'
    assert cut(text) == [b'{"a": 1, "a": 2}\n', b'{"b": NaN}\n', b'{"c":   "\xff"}\n']


@pytest.mark.parametrize("end", ['{"prompt": "b", "comp', '{"prompt": "b"', '{"prompt": nul', "{"])
def test_the_last_row_of_a_file_that_is_cut_off_is_left_without_its_end(end: str) -> None:
    """As of lines that are cut off: it is refused by itself."""
    assert cut(f'[{{"a": 1}},\n{end}'.encode()) == [b'{"a": 1}\n', end.encode()]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("[1 2]", "line 1, character 3"),
        ('[{"a": }]', "character 7"),
        ('[{"a": 1},\n {"b" 1}, {}]', "line 2, character 17"),
        ('[{"a": "b\nc"}]', "line 1, character 9 on: Invalid control character, in row 1"),
        ("]", "character 0"),
        ("[" * 200_000, "nest too deep"),
    ],
    ids=range(6),
)
def test_what_is_broken_is_told_with_its_place(text: str, where: str) -> None:
    with pytest.raises(Unreadable, match=where):
        cut(text.encode())


def test_one_endless_value_is_no_row() -> None:
    with pytest.raises(Unreadable, match="more than 10,000 characters"):
        cut(b'["' + b"a" * 2**20, longest=10_000)


def big() -> Iterator[bytes]:
    yield b"[\n"
    for number in range(8192):
        yield json.dumps({"prompt": str(number), "completion": "a" * 4000}).encode() + b",\n"
    yield b"{}]"


def test_a_large_array_is_read_in_little_memory_and_from_its_beginning_on(tmp_path: Path) -> None:
    """It was held in memory as a whole, even twice."""
    path = tmp_path / "x.json"
    with path.open("wb") as file:
        file.writelines(big())
    assert path.stat().st_size > 3 * MOST_BYTES
    tracemalloc.start()
    try:
        count = sum(1 for _ in lines(path, tmp_path))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 8193 and peak < MOST_BYTES
    with path.open("ab") as file:
        file.write(b"broken")
    assert str(kind_of(path)) == "a JSON array"
    assert len(list(islice(lines(path, tmp_path), 10))) == 10
