"""Checks by its first and last bytes whether a file has been written completely."""

import json
import os
from pathlib import Path
from typing import NamedTuple

WINDOW = 64 * 1024
"""Bytes read from the end; a longer last line counts as cut off."""
HEAD = 64
"""Bytes read from the beginning, to tell JSON lines from other files."""
BOM = b"\xef\xbb\xbf"
GZIP, ZSTANDARD, PARQUET = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PAR1"


class End(NamedTuple):
    """What the beginning and end of a file show."""

    is_whole: bool
    unpacked_bytes: int = 0
    """Unpacked size that a packed file states; 0 if it states none."""


def end_of(path: Path) -> End:
    """Return whether a file is empty, or ends as a complete file of its kind does.

    JSON lines end with a line break or a row, an array with its bracket; tables and packed files do
    not show it. A file that cannot be opened counts as complete: claiming it shows why.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return End(True)
    try:
        size = os.fstat(descriptor).st_size
        head = os.pread(descriptor, HEAD, 0)
        begin = max(0, size - WINDOW)
        end = os.pread(descriptor, WINDOW, begin)
    except OSError:
        return End(True)
    finally:
        os.close(descriptor)
    if head.startswith((GZIP, ZSTANDARD)):
        return End(True, _unpacked(head, end))
    return End(_is_whole(head, end, is_all=begin == 0))


def _is_whole(head: bytes, end: bytes, is_all: bool) -> bool:
    start = head.removeprefix(BOM).lstrip()
    if head.startswith(PARQUET):
        return end.endswith(PARQUET)
    if start.startswith(b"["):
        return end.rstrip().endswith(b"]")
    if not end or end.endswith((b"\n", b"\r")) or not start.startswith(b"{"):
        return True
    line = end.rfind(b"\n") + 1
    if line == 0 and not is_all:
        return False
    return end[line:].strip() == b"}" or _parses(end[line:])


def _unpacked(head: bytes, end: bytes) -> int:
    """Return the size that a packed file states; too small where it has several parts."""
    if head.startswith(GZIP):
        return int.from_bytes(end[-4:], "little") if len(end) >= 18 else 0
    flags = head[4]
    width = (1 if flags & 0x20 else 0, 2, 4, 8)[flags >> 6]
    at = 5 + (0 if flags & 0x20 else 1) + (0, 1, 2, 4)[flags & 3]
    return int.from_bytes(head[at : at + width], "little") + (256 if width == 2 else 0)


def _parses(line: bytes) -> bool:
    try:
        json.loads(line.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError):
        return False
    return True


def last_break(path: Path, begin: int, end: int) -> int:
    """Return the end of the last line break between two offsets; `begin` where there is none.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        while end > begin:
            start = max(begin, end - WINDOW)
            file.seek(start)
            found = file.read(end - start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            end = start
    return begin
