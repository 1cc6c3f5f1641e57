"""Where a file of lines may be cut."""

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.folders.disk.endings import WINDOW, end_of, last_break
from tests.files.made import zst


@pytest.mark.parametrize(
    ("data", "whole"),
    [
        (b"", True),
        (b'{"a": 1}\n', True),
        (b'{"a": 1}', True),
        (b'\xef\xbb\xbf{"a": 1}', True),
        (b'{"a": 1}\n{"a": 2}', True),
        (b'{"a": 1}\n{"a": ', False),
        (b'{"a": 1}\n\xff\xfe', False),
        (b"[" * 5000, False),
        (b'{"a": "' + b"x" * (2 * WINDOW) + b'"}', False),
        (b'{"a": "' + b"x" * (2 * WINDOW) + b'"}\n', True),
        (b'{"a": 1}\n' * WINDOW + b'{"a": 2}', True),
    ],
    ids=[
        "empty",
        "ended",
        "one-line",
        "mark",
        "second-line",
        "cut",
        "noise",
        "nested",
        "long",
        "long-ended",
        "many",
    ],
)
def test_whole_files_end_with_a_break_or_a_line_of_json(
    tmp_path: Path, data: bytes, whole: bool
) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(data)
    assert end_of(path).is_whole is whole


@pytest.mark.parametrize(
    ("data", "whole"),
    [
        (b'[\n{"a": 1},\n{"a": 2}\n]', True),
        (b'[\n{"a": 1},\n', False),
        (b"[[1]]\n[[2]]\n", True),
        (b'{\n  "a": 1\n}', True),
        (b"prompt,completion\na,b", True),
        ('{"a": 1}'.encode("utf-16"), True),
        (b"PAR1" + b"\0" * 90 + b"PAR1", True),
        (b"PAR1" + b"\0" * 90, False),
    ],
    ids=range(8),
)
def test_files_of_other_kinds_end_as_theirs_do(tmp_path: Path, data: bytes, whole: bool) -> None:
    """An array or a table without a line break at its end was waited for, half a minute long."""
    path = tmp_path / "x"
    path.write_bytes(data)
    assert end_of(path).is_whole is whole


@pytest.mark.parametrize("size", [10, 300, 70_000, 2_000_000])
@pytest.mark.parametrize("pack", [gzip.compress, zst])
def test_packed_files_say_how_large_they_are_unpacked(
    tmp_path: Path, pack: Callable[[bytes], bytes], size: int
) -> None:
    """Room was asked for by what a packed file has, a fiftieth of what it takes."""
    path = tmp_path / "x"
    path.write_bytes(pack(b"a" * size))
    assert end_of(path) == (True, size)


def test_what_cannot_be_opened_is_left_to_whoever_takes_it(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe")
    assert end_of(tmp_path / "link").is_whole
    assert end_of(tmp_path / "gone").is_whole
    assert end_of(tmp_path / "pipe").is_whole


def test_the_last_break_is_found_over_windows(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"ab\ncd\n" + b"e" * (3 * WINDOW))
    size = path.stat().st_size
    assert last_break(path, 0, size) == 6
    assert last_break(path, 3, 5) == 3
    assert last_break(path, 0, 5) == 3
    assert last_break(path, 6, size) == 6
