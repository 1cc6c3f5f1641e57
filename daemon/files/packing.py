"""Unpacks gzip and Zstandard piece by piece; what comes out at once is bounded."""

import gzip
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Literal

from daemon.core.rows.refusal import Bad
from daemon.files.limits import Unreadable

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Packing = Literal["", "gzip", "zstandard"]
PIECE_BYTES = 2**20
MAGIC: dict[bytes, Packing] = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstandard"}
AGAIN = "copy or download it again, and drop it when it is complete"


def packing_of(head: bytes) -> Packing:
    """Return how a file is packed, by its first bytes."""
    if head[1:4] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50:
        # A frame that is skipped, which parallel packers put first.
        return "zstandard"
    return next((kind for magic, kind in MAGIC.items() if head.startswith(magic)), "")


def pieces(path: Path, packing: Packing) -> Iterator[bytes]:
    """Give the content of a file.

    Raises:
        Unreadable: what is packed is damaged or cut off.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        if not packing:
            yield from _read(file)
            return
        try:
            yield from _read(_opened(file, packing))
        except EOFError:
            raise Unreadable(
                Bad("cut_off", f"the {packing} file is cut off: its end is missing", AGAIN)
            ) from None
        except (gzip.BadGzipFile, zlib.error, zstd.ZstdError) as error:
            raise Unreadable(
                Bad("damaged", f"the {packing} file is damaged ({error})", AGAIN)
            ) from error


def _opened(file: IO[bytes], packing: Packing) -> IO[bytes]:
    if packing == "gzip":
        return gzip.GzipFile(fileobj=file, mode="rb")  # type: ignore[return-value]
    return zstd.ZstdFile(file, "rb")  # type: ignore[return-value]


def _read(file: IO[bytes]) -> Iterator[bytes]:
    while data := file.read(PIECE_BYTES):
        yield data
