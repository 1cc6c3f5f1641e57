"""Unpacks gzip and Zstandard piece by piece; what comes out at once is bounded."""

import gzip
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Literal, Protocol

from daemon.core.rows.refusal import Bad
from daemon.files.file_notes import FileNotes
from daemon.files.limits import Unreadable

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Packing = Literal["", "gzip", "zstandard"]
PIECE_BYTES = 2**20
MAGIC: dict[bytes, Packing] = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstandard"}
AGAIN = "copy or download it again, and drop it when it is complete"


class Packed(Protocol):
    """A packed file that is open."""

    def read1(self, size: int = -1, /) -> bytes:
        """Return some bytes that come out; none at the end."""


def packing_of(head: bytes) -> Packing:
    """Return how a file is packed, by its first bytes."""
    if head[1:4] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50:
        # A frame that is skipped, which parallel packers put first.
        return "zstandard"
    return next((kind for magic, kind in MAGIC.items() if head.startswith(magic)), "")


def pieces(path: Path, packing: Packing, notes: FileNotes) -> Iterator[bytes]:
    """Give the content of a file; of a packed one that is cut off, what comes out of it.

    Raises:
        Unreadable: what is packed is damaged, or cut off so early that nothing comes out.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        if not packing:
            yield from _read(file)
            return
        try:
            yield from _unpacked(_opened(file, packing), packing, notes)
        except (gzip.BadGzipFile, zlib.error, zstd.ZstdError) as error:
            raise Unreadable(
                Bad("damaged", f"the {packing} file is damaged ({error})", AGAIN)
            ) from error


def _unpacked(packed: "Packed", packing: Packing, notes: FileNotes) -> Iterator[bytes]:
    """Give all that comes out before the end, or before the place where the file is cut off."""
    held = bytearray()
    is_empty = True
    try:
        # No more than what one piece of the file gives: an error would take the rest with it.
        while data := packed.read1(PIECE_BYTES):
            held += data
            is_empty = False
            if len(held) >= PIECE_BYTES:
                yield bytes(held)
                held.clear()
    except EOFError:
        if is_empty:
            message = f"the {packing} file is cut off: its end is missing"
            raise Unreadable(Bad("cut_off", message, AGAIN)) from None
        notes.end(f"without the end of what {packing} has packed")
    if held:
        yield bytes(held)


def _opened(file: IO[bytes], packing: Packing) -> "Packed":
    if packing == "gzip":
        return gzip.GzipFile(fileobj=file, mode="rb")
    return zstd.ZstdFile(file, "rb")


def _read(file: IO[bytes]) -> Iterator[bytes]:
    while data := file.read(PIECE_BYTES):
        yield data
