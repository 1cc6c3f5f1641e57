"""Turns a JSON array, a CSV or a Parquet file into JSON lines, for `finetuned submit`.

A row at a time: a file may be larger than the memory.
"""

import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from daemon.errors import UserFault
from daemon.intake.json_values import values

LONGEST_LINE = 2**28
"""Bytes of a line of a `.jsonl` file; what is longer is no row."""
BATCH = 1024
"""Rows of a Parquet file that are held at once."""


def convert(source: Path, target: Path) -> None:
    """Write the rows of a file as JSON lines; those of a `.jsonl` file are copied as they are.

    Raises:
        UserFault: a kind of file that cannot be read, or one that is broken.
    """
    with target.open("wb") as file:
        file.writelines(lines(source))


def lines(source: Path) -> Iterator[bytes]:
    """Return the rows of a file as JSON lines, read as they are asked for.

    Raises:
        UserFault: a kind of file that cannot be read, or one that is broken.
    """
    kind = source.suffix.lower()
    if kind == ".jsonl":
        return _guarded(source, _copied(source))
    readers = {".json": values, ".csv": _csv, ".parquet": _parquet}
    if kind not in readers:
        known = ", ".join(sorted({*readers, ".jsonl"}))
        raise UserFault("unknown_kind", f"{source} is not one of {known}")
    return _guarded(source, map(_line, readers[kind](source)))


def _line(row: Any) -> bytes:
    return json.dumps(row, ensure_ascii=False).encode() + b"\n"


def _guarded(source: Path, rows: Iterable[bytes]) -> Iterator[bytes]:
    try:
        yield from rows
    except (OSError, ValueError, csv.Error, RecursionError) as error:
        raise UserFault("unreadable_file", f"{source} cannot be read: {error}") from error


def _copied(source: Path) -> Iterator[bytes]:
    with source.open("rb") as file:
        while line := file.readline(LONGEST_LINE):
            if len(line) == LONGEST_LINE:
                raise ValueError(f"a line has {LONGEST_LINE:,} bytes or more")
            yield line


def _csv(source: Path) -> Iterator[dict[str, Any]]:
    with source.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file, strict=True):
            yield {key: value for key, value in row.items() if key and value not in (None, "")}


def _parquet(source: Path) -> Iterator[dict[str, Any]]:
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise UserFault(
            "no_pyarrow", "a Parquet file needs pyarrow: pip install pyarrow, or convert it first"
        ) from None
    for batch in parquet.ParquetFile(source).iter_batches(BATCH):
        yield from batch.to_pylist()
