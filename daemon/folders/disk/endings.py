"""Where a file of lines may be cut: at the end of a whole line; knows no format but that."""

import json
import os
from pathlib import Path

WINDOW = 64 * 1024
"""Bytes of the end that are looked at; a last line that is longer counts as cut off."""


def is_whole(path: Path) -> bool:
    """Return whether a file is empty, or ends with a line break or with a line of JSON.

    A file that cannot be opened counts as whole: whoever takes it finds out why.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return True
    try:
        size = os.fstat(descriptor).st_size
        begin = max(0, size - WINDOW)
        end = os.pread(descriptor, WINDOW, begin)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    if not end or end.endswith((b"\n", b"\r")):
        return True
    line = end.rfind(b"\n") + 1
    if line == 0 and begin > 0:
        return False
    return _parses(end[line:])


def _parses(line: bytes) -> bool:
    try:
        json.loads(line.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError):
        return False
    return True


def last_break(path: Path, begin: int, end: int) -> int:
    """Return where the last line break between two places ends; `begin` where there is none.

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
