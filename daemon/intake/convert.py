"""Turns a JSON array, a CSV or a Parquet file into JSON lines, for `finetuned submit`."""

import csv
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from daemon.errors import UserFault

LARGEST_ARRAY = 2**31
BLANK = re.compile(r"\s*")


def convert(source: Path, target: Path) -> None:
    """Write the rows of a file as JSON lines; a `.jsonl` file is copied as it is.

    Raises:
        UserFault: a kind of file that cannot be read, or one that is broken.
    """
    kind = source.suffix.lower()
    readers = {".json": _json, ".csv": _csv, ".parquet": _parquet, ".jsonl": None}
    if kind not in readers:
        known = ", ".join(sorted(readers))
        raise UserFault("unknown_kind", f"{source} is not one of {known}")
    reader = readers[kind]
    if reader is None:
        target.write_bytes(source.read_bytes())
        return
    with target.open("wb") as file:
        for line in _guarded(source, reader(source)):
            file.write(line)


def _guarded(source: Path, rows: Iterable[Any]) -> Iterator[bytes]:
    try:
        for row in rows:
            yield json.dumps(row, ensure_ascii=False).encode() + b"\n"
    except (OSError, ValueError, csv.Error, RecursionError) as error:
        raise UserFault("unreadable_file", f"{source} cannot be read: {error}") from error


def _json(source: Path) -> Iterator[Any]:
    """Read one array, or several objects spread over lines."""
    if source.stat().st_size > LARGEST_ARRAY:
        raise ValueError("a JSON array is read as a whole; over 2 GiB, write one object a line")
    text = source.read_text(encoding="utf-8-sig")
    decoder = json.JSONDecoder()
    place = _next(text, 0)
    while place < len(text):
        value, place = decoder.raw_decode(text, place)
        yield from value if isinstance(value, list) else [value]
        place = _next(text, place)


def _next(text: str, place: int) -> int:
    """Return where the next value begins."""
    match = BLANK.match(text, place)
    return match.end() if match else place


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
    for batch in parquet.ParquetFile(source).iter_batches():
        yield from batch.to_pylist()
