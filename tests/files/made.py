"""Makes the same rows as files of every kind."""

import csv
import gzip
import io
import json
import sys
from collections.abc import Callable
from typing import Any

import arro3.core
import arro3.io

from daemon.core.rows.refusal import Bad
from daemon.files.kinds import FileKind

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Row = dict[str, Any]
Pack = Callable[[bytes], bytes]
ROWS: list[Row] = [
    {"prompt": f'What is "{n}; twice", in\n{n}, please?', "completion": f"Größe {n * 2}, «ja»"}
    for n in range(12)
]


def json_lines(rows: list[Row] = ROWS, end: str = "\n") -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + end for row in rows).encode()


def array(rows: list[Row] = ROWS, indent: int | None = None) -> bytes:
    return json.dumps(rows, indent=indent, ensure_ascii=False).encode()


def pretty(rows: list[Row] = ROWS, between: str = "\n") -> bytes:
    return between.join(json.dumps(row, indent=2) for row in rows).encode()


def table(separator: str = ",", end: str = "\n", rows: list[Row] = ROWS) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), delimiter=separator, lineterminator=end)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def parquet(columns: dict[str, Any] | None = None) -> bytes:
    columns = columns or {key: text_column([row[key] for row in ROWS]) for key in ROWS[0]}
    file = io.BytesIO()
    arro3.io.write_parquet(arro3.core.Table.from_pydict(columns), file)
    return file.getvalue()


def text_column(values: list[str | None]) -> arro3.core.Array:
    return arro3.core.Array(values, arro3.core.DataType.string())


def zst(data: bytes) -> bytes:
    return zstd.compress(data)


KINDS: dict[str, bytes] = {
    "rows.ndjson": json_lines(),
    "rows.json": array(indent=1),
    "one-line-array.jsonl": array(),
    "array-with-a-comma-at-its-end.json": array()[:-1] + b",\n]\n",
    "pretty.json": pretty(),
    "commas-between-objects.jsonl": pretty(between=",\n"),
    "objects-in-a-row.json": json_lines(end=" "),
    "no-line-end.jsonl": json_lines().rstrip(b"\n"),
    "mark-and-returns.jsonl": b"\xef\xbb\xbf" + json_lines(end="\r\n"),
    "mac.jsonl": json_lines(end="\r"),
    "utf-16-le.jsonl": json_lines().decode().encode("utf-16"),
    "utf-16-be.jsonl": b"\xfe\xff" + json_lines().decode().encode("utf-16-be"),
    "utf-32.jsonl": json_lines().decode().encode("utf-32"),
    "comma.csv": table().encode(),
    "semicolon.csv": table(";").encode(),
    "tab.tsv": table("\t").encode(),
    "bar.csv": table("|").encode(),
    "table.jsonl": table().encode(),
    "excel.csv": b"\xef\xbb\xbf" + table(";", "\r\n").encode(),
    "told.csv": ("sep=;\r\n" + table(";", "\r\n")).encode("cp1252"),
    "western.csv": table(";").encode("cp1252"),
    "unicode-text.csv": table("\t", "\r\n").encode("utf-16"),
    "rows.parquet": parquet(),
    "parquet.jsonl": parquet(),
    "gzip.jsonl": gzip.compress(json_lines()),
    "members.jsonl.gz": gzip.compress(json_lines(ROWS[:5])) + gzip.compress(json_lines(ROWS[5:])),
    "rows.csv.gz": gzip.compress(table().encode()),
    "rows.json.gz": gzip.compress(array()),
    "rows.parquet.gz": gzip.compress(parquet()),
    "rows.jsonl.zst": zst(json_lines()),
    "rows.json.zst": zst(array(indent=2)),
    "frames.ndjson.zst": zst(json_lines(ROWS[:5])) + zst(json_lines(ROWS[5:])),
    "rows.parquet.zst": zst(parquet()),
}


def said(found: FileKind | Bad) -> str:
    """Return in a few words what was found."""
    return found.code if isinstance(found, Bad) else str(found)
