"""Files of other kinds become JSON lines, row by row (fault: a file was held in memory as a whole,
a `.json` array even twice).
"""

import json
import tracemalloc
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.errors import UserFault
from daemon.folders import outputs
from daemon.intake import json_values
from daemon.intake.convert import convert, lines
from daemon.intake.json_values import values

ROW_BYTES, ROWS = 4096, 4096
"""Together 16 MiB."""
MOST_BYTES = 4 * 2**20


def rows() -> Iterator[str]:
    text = "a" * (ROW_BYTES - 40)
    return (json.dumps({"prompt": str(n), "completion": text}) for n in range(ROWS))


def write(path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        if path.suffix == ".csv":
            file.write("prompt,completion\n")
            file.writelines(f"{n},{'a' * ROW_BYTES}\n" for n in range(ROWS))
            return
        file.write("[" if path.suffix == ".json" else "")
        between = ",\n" if path.suffix == ".json" else "\n"
        file.writelines(row + (between if n < ROWS - 1 else "") for n, row in enumerate(rows()))
        file.write("]" if path.suffix == ".json" else "\n")


@pytest.mark.parametrize("kind", [".json", ".jsonl", ".csv"])
def test_a_large_file_is_converted_in_little_memory(tmp_path: Path, kind: str) -> None:
    source, target = tmp_path / f"x{kind}", tmp_path / "out"
    write(source)
    assert source.stat().st_size > 3 * MOST_BYTES
    tracemalloc.start()
    try:
        convert(source, target)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < MOST_BYTES
    with target.open("rb") as file:
        assert sum(1 for _ in file) == ROWS
        file.seek(0)
        assert json.loads(next(file))["prompt"] == "0"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("[]", []),
        (" [ ] ", []),
        ('[{"a": 1}, [2], "x", 3]', [{"a": 1}, [2], "x", 3]),
        ('{"a": 1}\n{"b": 2}', [{"a": 1}, {"b": 2}]),
        ('[1]\r\n[2, 3] 4\t"5"', [1, 2, 3, 4, "5"]),
        ("\ufeff[1]", [1]),
        ("12345", [12345]),
        ("[1.5e+3, -0.25, 1E-2]", [1500.0, -0.25, 0.01]),
    ],
)
@pytest.mark.parametrize("window", [1, 2, 3, 1000])
def test_arrays_and_values_beside_them_are_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, window: int, text: str, found: list[Any]
) -> None:
    monkeypatch.setattr(json_values, "WINDOW", window)
    (tmp_path / "x.json").write_text(text, encoding="utf-8", newline="")
    assert list(values(tmp_path / "x.json")) == found


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.lists(JSON), st.integers(1, 40), st.booleans(), st.sampled_from([None, 2]))
def test_any_array_comes_through_any_window(
    tmp_path_factory: pytest.TempPathFactory,
    items: list[Any],
    window: int,
    ascii: bool,
    indent: int | None,
) -> None:
    path = tmp_path_factory.mktemp("x") / "x.json"
    path.write_text(json.dumps(items, ensure_ascii=ascii, indent=indent), "utf-8", newline="")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_values, "WINDOW", window)
        assert list(values(path)) == items


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("[1, 2", "character 5"),
        ("[1 2]", "character 3"),
        ("[1,]", "character 3"),
        ('[{"a": }]', "character 7"),
        ('[{"a": "b]', "Unterminated string"),
        ("[tru]", "character 1"),
        ("]", "character 0"),
    ],
)
def test_what_is_broken_is_told_with_its_place(tmp_path: Path, text: str, where: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(UserFault, match=where):
        list(lines(path))


def test_a_mistake_is_found_where_it_stands_and_not_after_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    write(path)
    text = path.read_text()
    path.write_text(text[:100_000] + '"' + text[100_000:])
    tracemalloc.start()
    try:
        with pytest.raises(UserFault, match="character 10"):
            list(lines(path))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < MOST_BYTES


def test_one_endless_value_is_no_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_values, "LONGEST", 10_000)
    path = tmp_path / "x.json"
    path.write_text('["' + "a" * 2**20)
    with pytest.raises(UserFault, match="more than"):
        list(lines(path))


def test_rows_are_given_before_the_file_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    write(path)
    with path.open("ab") as file:
        file.write(b"broken")
    assert len(list(islice(lines(path), 10))) == 10


def test_a_broken_file_leaves_what_was_there(tmp_path: Path) -> None:
    """The output is one rename, or nothing."""
    source, target = tmp_path / "x.json", tmp_path / "y.jsonl"
    source.write_text('[{"a": 1}, {"b"')
    target.write_text("mine")
    with pytest.raises(UserFault):
        outputs.put(target, lines(source), force=True)
    assert target.read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {"x.json", "y.jsonl"}
