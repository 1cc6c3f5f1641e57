"""Gives a dropped file of any kind as JSON lines, read as they are asked for."""

import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path

from daemon.core.rows.refusal import Bad
from daemon.files import json_values, json_wrappers, packing, parquet, tables
from daemon.files.encodings import as_utf8, with_line_feeds
from daemon.files.file_notes import FileNotes
from daemon.files.kinds import FileKind, kind_of
from daemon.files.limits import Limits, Unreadable, bounded


def unpacked(
    path: Path, kind: FileKind, limits: Limits, scratch: Path, notes: FileNotes
) -> Iterator[bytes]:
    """Give the rows of a file as text: pieces of lines, or lines; `notes` are complete at its end.

    A packed Parquet file, which is not read from its beginning on, is unpacked into a nameless
    file in the folder `scratch` meanwhile.

    Raises:
        Unreadable: the file is damaged, or more comes out than may.
        OSError: it cannot be read, or there is no room.
    """
    size = path.stat().st_size
    pieces = packing.pieces(path, kind.packing, notes)
    if kind.packing:
        pieces = bounded(pieces, size, limits)
    if kind.form == "parquet":
        return bounded(_parquet(path, kind, pieces, scratch), size, limits)
    pieces = as_utf8(pieces, kind.encoding, notes)
    if kind.returns:
        pieces = with_line_feeds(pieces)
    if kind.table is not None:
        return bounded(tables.rows(pieces, kind.table, limits.row_bytes, notes), size, limits)
    if kind.form == "lines":
        return pieces
    if kind.rows_key:
        return json_wrappers.rows(pieces, kind.rows_key, limits.row_bytes, notes)
    return json_values.rows(pieces, limits.row_bytes, notes)


def _parquet(path: Path, kind: FileKind, pieces: Iterator[bytes], scratch: Path) -> Iterator[bytes]:
    if not kind.packing:
        with path.open("rb") as file:
            yield from parquet.rows(file)
        return
    with tempfile.TemporaryFile(dir=scratch) as file:
        file.writelines(pieces)
        file.seek(0)
        yield from parquet.rows(file)


def lines(
    path: Path, scratch: Path, known: Collection[str] = (), notes: FileNotes | None = None
) -> Iterator[bytes]:
    """Give the lines of a file of any kind, counted as intake counts them.

    `known` are a user's own names of keys, by which a table is told too.

    Raises:
        Unreadable: it cannot be read.
        OSError: likewise.
    """
    kind = kind_of(path, known)
    if isinstance(kind, Bad):
        raise Unreadable(kind)
    if kind.is_plain:
        with path.open("rb") as file:
            yield from file
        return
    half = b""
    for piece in unpacked(path, kind, Limits(), scratch, notes or FileNotes()):
        *whole, half = (half + piece).split(b"\n")
        yield from (line + b"\n" for line in whole)
    if half:
        yield half
