"""A small file never becomes a large one, and a hostile one is told in little memory."""

import gzip
import tracemalloc
from pathlib import Path

import pytest

from daemon.core.rows.refusal import Bad
from daemon.files.file_notes import FileNotes
from daemon.files.kinds import kind_of
from daemon.files.limits import FREE_BYTES, Limits, Unreadable
from daemon.files.unpacking import unpacked
from tests.files.made import parquet, text_column, zst

BOMB = b'{"text": "' + b"a" * (64 * 2**20)


def drained(path: Path, limits: Limits) -> int:
    kind = kind_of(path)
    assert not isinstance(kind, Bad)
    return sum(map(len, unpacked(path, kind, limits, path.parent, FileNotes())))


@pytest.mark.parametrize("data", [gzip.compress(BOMB), zst(BOMB)], ids=["gzip", "zstandard"])
@pytest.mark.parametrize(
    ("limits", "setting"),
    [(Limits(ratio=200), "max_unpacked_ratio"), (Limits(2 * 2**20), "intake.max_unpacked)")],
)
def test_what_unpacks_to_too_much_is_refused_before_it_is_there(
    tmp_path: Path, data: bytes, limits: Limits, setting: str
) -> None:
    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(data)
    tracemalloc.start()
    try:
        with pytest.raises(Unreadable) as told:
            drained(path, limits)
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()
    assert told.value.bad.code == "unpacked_too_large" and setting in str(told.value)


def test_rows_that_pack_well_are_no_trap(tmp_path: Path) -> None:
    """The ratio of a small file of equal rows says nothing."""
    path = tmp_path / "x.jsonl.gz"
    data = b'{"text": "one row"}\n' * 20_000
    path.write_bytes(gzip.compress(data))
    assert len(data) > 200 * path.stat().st_size and len(data) < FREE_BYTES
    assert drained(path, Limits(ratio=200)) == len(data)


def test_a_parquet_file_is_bounded_too(tmp_path: Path) -> None:
    """A column of one long text, repeated, is a few bytes by its dictionary."""
    path = tmp_path / "x.parquet"
    path.write_bytes(parquet({"text": text_column(["a" * 2000] * 20_000)}))
    assert path.stat().st_size < 100_000
    with pytest.raises(Unreadable, match="taken for a trap"):
        drained(path, Limits(ratio=200))
