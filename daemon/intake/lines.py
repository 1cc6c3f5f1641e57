"""Reads the lines of a dropped file in blocks, with offsets and checksum, in bounded memory."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from daemon.files.encodings import BOM

READ_BYTES = 1 << 20
BLOCK_BYTES = 1 << 17
NEWLINE = 0x0A


class Line(NamedTuple):
    """One line, without its ending."""

    number: int
    """Counts from 1."""
    offset: int
    """Of its first byte in the file."""
    length: int
    """In bytes, its ending left out."""
    data: bytes | None
    """None if it is longer than the limit."""
    whole: bool
    """It ended in a newline; only the last one may not."""


class Block(NamedTuple):
    """Some whole lines in a row."""

    first: int
    """The number of the first line."""
    start: int
    """The offset of its first byte in the file."""
    data: bytes
    """The bytes of all lines, endings included; empty for a line that is too long to be held."""
    texts: list[bytes]
    """The lines, without their newline."""
    too_long: int = 0
    """The length of that one line."""
    whole: bool = True
    """The last line ended in a newline."""

    @property
    def offsets(self) -> npt.NDArray[np.int64]:
        """The offset of each line in the file."""
        ends = np.flatnonzero(np.frombuffer(self.data, np.uint8) == NEWLINE)[: len(self.texts) - 1]
        found: npt.NDArray[np.int64] = np.concatenate([[0], ends + 1]) + self.start
        return found

    def lines(self) -> Iterator[tuple[int, Line]]:
        """Give (place, line) of the lines that are not blank."""
        if self.too_long:
            yield 0, Line(self.first, self.start, self.too_long, None, self.whole)
            return
        offset, last = self.start, len(self.texts) - 1
        for place, text in enumerate(self.texts):
            line = text.removesuffix(b"\r")
            if line and not line.isspace():
                whole = self.whole or place < last
                yield place, Line(self.first + place, offset, len(line), line, whole)
            offset += len(text) + 1


class LineSource:
    """One pass over a file, with its size and checksum at the end."""

    def __init__(self, path: Path, max_line_bytes: int) -> None:
        self._path = path
        self._limit = max_line_bytes
        self._digest = hashlib.sha256()
        self._digested: Future[None] | None = None
        self._number = 1
        self._offset = 0
        self.size = 0
        self.had_bom = False

    @property
    def sha256(self) -> str:
        """The checksum of what was read."""
        return self._digest.hexdigest()

    def blocks(self) -> Iterator[Block]:
        """Give the lines in blocks: of about BLOCK_BYTES, or one longer line."""
        half = b""
        with self._path.open("rb") as file, ThreadPoolExecutor(1, "checksum") as hashing:
            while data := self._read(file, hashing):
                half = half + data if half else data
                begin = 0
                while end := 1 + half.rfind(b"\n", begin, begin + BLOCK_BYTES) or (
                    1 + half.find(b"\n", begin)
                ):
                    yield self._block(half[begin:end])
                    begin = end
                half = half[begin:]
                if len(half) > self._limit:
                    block, half = self._skip(file, hashing, len(half))
                    yield block
        if half:
            yield self._block(half)

    def _read(self, file: BinaryIO, hashing: ThreadPoolExecutor) -> bytes:
        data = file.read(READ_BYTES)
        self.size += len(data)
        # Updates of this size leave the interpreter to others. Never two of them wait: a line that
        # is skipped is read faster than it is digested, and the queue would hold all of it.
        if self._digested is not None:
            self._digested.result()
        self._digested = hashing.submit(self._digest.update, data)
        return data

    def _block(self, data: bytes) -> Block:
        start, self._offset = self._offset, self._offset + len(data)
        if start == 0 and data.startswith(BOM):
            self.had_bom = True
            data, start = data[len(BOM) :], start + len(BOM)
        texts = data.split(b"\n")
        whole = not texts[-1]
        if whole:
            texts.pop()
        first, self._number = self._number, self._number + len(texts)
        if len(texts) == 1 and len(texts[0].removesuffix(b"\r")) > self._limit:
            return Block(first, start, b"", [], len(texts[0]), whole)
        return Block(first, start, data, texts, whole=whole)

    def _skip(
        self, file: BinaryIO, hashing: ThreadPoolExecutor, length: int
    ) -> tuple[Block, bytes]:
        """Read to the end of a line that is too long without holding it; return what follows."""
        start, rest, whole = self._offset, b"", False
        while not whole and (data := self._read(file, hashing)):
            text, ending, rest = data.partition(b"\n")
            whole = bool(ending)
            length += len(text)
        block = Block(self._number, start, b"", [], length, whole)
        self._number += 1
        self._offset += length + whole
        return block, rest
