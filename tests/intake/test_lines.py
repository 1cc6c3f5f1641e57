"""Lines are read in bounded memory, however long or many they are."""

import tracemalloc
from pathlib import Path

from daemon.intake.lines import LineSource

MIB = 2**20
ROWS = 500_000
MOST_BYTES = 8 * MIB
"""Some blocks of a megabyte, and the longest line that is held."""


def peak_of_reading(path: Path) -> tuple[int, int]:
    """Return how many lines a file has, and how much memory reading them took at most."""
    lines = 0
    tracemalloc.start()
    try:
        for block in LineSource(path, MIB).blocks():
            lines += len(block.texts) or 1
        return lines, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_line_of_any_length_is_never_held(tmp_path: Path) -> None:
    """Fault N16."""
    path = tmp_path / "long.jsonl"
    with path.open("wb") as file:
        file.truncate(64 * MIB)
        file.seek(0, 2)
        file.write(b"\n{}\n")
    lines, peak = peak_of_reading(path)
    assert lines == 2 and peak < MOST_BYTES


def test_of_many_rows_few_are_held(tmp_path: Path) -> None:
    """Fault P22."""
    path = tmp_path / "many.jsonl"
    path.write_bytes(b'{"a": 1, "b": "some words of text"}\n' * ROWS)
    lines, peak = peak_of_reading(path)
    assert lines == ROWS and peak < MOST_BYTES
