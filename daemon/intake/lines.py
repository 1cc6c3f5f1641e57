"""From the bytes of a dropped file to its lines; bounded in memory, knows no JSON."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from daemon.core.formats import Bad

HEAD_BYTES = 65536
BOM = b"\xef\xbb\xbf"
ENCODINGS = {b"\xff\xfe\x00\x00": "UTF-32", b"\x00\x00\xfe\xff": "UTF-32",
             b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One line, without its ending."""

    number: int
    """Counts from 1."""
    offset: int
    """Of its first byte in the file."""
    length: int
    """In bytes, its ending left out."""
    data: bytes | None
    """None where it is longer than the limit."""
    whole: bool
    """It ended in a newline; only the last one may not."""


class Source:
    """One pass over a file, with its size and checksum at the end."""

    def __init__(self, path: Path, max_line_bytes: int) -> None:
        self._path = path
        self._limit = max_line_bytes
        self._digest = hashlib.sha256()
        self.size = 0
        self.had_bom = False

    @property
    def sha256(self) -> str:
        """The checksum of what was read."""
        return self._digest.hexdigest()

    def lines(self) -> Iterator[Line]:
        """Give every line that is not blank."""
        with self._path.open("rb") as file:
            number = 0
            while True:
                offset = self.size
                data, length, whole = self._next(file)
                if length == 0 and not whole:
                    return
                number += 1
                if number == 1 and data is not None and data.startswith(BOM):
                    self.had_bom = True
                    data = data[len(BOM) :]
                if data is None or data.strip():
                    yield Line(number, offset, length, data, whole)

    def _next(self, file: BinaryIO) -> tuple[bytes | None, int, bool]:
        data = file.readline(self._limit + 1)
        self._count(data)
        whole = data.endswith(b"\n")
        if whole or len(data) <= self._limit:
            line = data.removesuffix(b"\n").removesuffix(b"\r")
            return line, len(line), whole
        length = len(data)
        while data and not whole:
            data = file.readline(HEAD_BYTES)
            self._count(data)
            length += len(data)
            whole = data.endswith(b"\n")
        return None, length - whole, whole

    def _count(self, data: bytes) -> None:
        self.size += len(data)
        self._digest.update(data)


def look_at(path: Path) -> Bad | None:
    """Say from a file's first bytes why no line of it could be read; once, not for every line."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head.strip():
        return Bad("empty", "the file holds nothing", "write one JSON object on each line")
    for mark, name in ENCODINGS.items():
        if head.startswith(mark):
            return Bad("wrong_encoding", f"the file is in {name}", "save it as UTF-8")
    if b"\0" in head[:64] and head[:64].count(b"\0") * 3 > len(head[:64]):
        return Bad("wrong_encoding", "the file looks like UTF-16 or UTF-32", "save it as UTF-8")
    start = head.removeprefix(BOM).lstrip()
    if start.startswith(b"["):
        return Bad(
            "json_array", "the file is one JSON array",
            "write one object a line, or hand it to 'finetuned submit', which converts it",
        )  # fmt: skip
    if b"\n" not in head and b"\r" in head.strip() and len(head) < HEAD_BYTES:
        return Bad("cr_only", "its lines end in a carriage return alone", "end lines with \\n")
    if start.split(b"\n", 1)[0].strip() == b"{" and _spreads(start):
        return Bad(
            "pretty_printed", "its objects spread over several lines",
            "write each object on one line, or hand the file to 'finetuned submit'",
        )  # fmt: skip
    return None


def _spreads(start: bytes) -> bool:
    """Say whether the first object is whole, only not on one line."""
    try:
        json.JSONDecoder().raw_decode(start.decode("utf-8", "ignore"))
    except (ValueError, RecursionError):
        return False
    return True
