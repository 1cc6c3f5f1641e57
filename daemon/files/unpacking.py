"""Gives a dropped file of any kind as JSON lines, read as they are asked for."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from daemon.core.rows.refusal import Bad
from daemon.files import json_values, packing, parquet, tables
from daemon.files.encodings import as_utf8, with_line_feeds
from daemon.files.kinds import FileKind, kind_of
from daemon.files.limits import Limits, Unreadable, bounded


def unpacked(path: Path, kind: FileKind, limits: Limits, scratch: Path) -> Iterator[bytes]:
    """Give the rows of a file as text: pieces of lines, or lines.

    A packed Parquet file, which is not read from its beginning on, is unpacked into a nameless
    file in the folder `scratch` meanwhile.

    Raises:
        Unreadable: the file is damaged, or more comes out than may.
        OSError: it cannot be read, or there is no room.
    """
    size = path.stat().st_size
    pieces = packing.pieces(path, kind.packing)
    if kind.packing:
        pieces = bounded(pieces, size, limits)
    if kind.form == "parquet":
        return bounded(_parquet(path, kind, pieces, scratch), size, limits)
    pieces = as_utf8(pieces, kind.encoding)
    if kind.returns:
        pieces = with_line_feeds(pieces)
    if kind.table is not None:
        return bounded(tables.rows(pieces, kind.table, limits.row_bytes), size, limits)
    if kind.form == "lines":
        return pieces
    return json_values.rows(pieces, limits.row_bytes)


def _parquet(path: Path, kind: FileKind, pieces: Iterator[bytes], scratch: Path) -> Iterator[bytes]:
    if not kind.packing:
        with path.open("rb") as file:
            yield from parquet.rows(file)
        return
    with tempfile.TemporaryFile(dir=scratch) as file:
        file.writelines(pieces)
        file.seek(0)
        yield from parquet.rows(file)


def lines(path: Path, scratch: Path) -> Iterator[bytes]:
    """Give the lines of a file that was read before, counted as then.

    Raises:
        Unreadable: it cannot be read now.
        OSError: likewise.
    """
    kind = kind_of(path)
    if isinstance(kind, Bad):
        raise Unreadable(kind)
    if kind.is_plain:
        with path.open("rb") as file:
            yield from file
        return
    half = b""
    for piece in unpacked(path, kind, Limits(), scratch):
        *whole, half = (half + piece).split(b"\n")
        yield from (line + b"\n" for line in whole)
    if half:
        yield half
