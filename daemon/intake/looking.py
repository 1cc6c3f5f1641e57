"""The first pass over a dropped file: finds which lines are rows, and where they stand."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from daemon.core.rows.examples import Example
from daemon.core.rows.fingerprint import KEY_BYTES, key_of
from daemon.core.rows.refusal import Bad
from daemon.dedup.family_keys import FamilyColumns
from daemon.dedup.growing import beginnings, whole_key
from daemon.dedup.wording import Words
from daemon.intake.lines import Block, Line, LineSource
from daemon.intake.parsing import RowRules, parse_again, parse_block
from daemon.intake.reading_counts import ReadingCounts
from daemon.intake.tally import Tally

Progress = Callable[[int], None]
I64 = npt.NDArray[np.int64]


@dataclass
class Rows:
    """The usable lines of a file, about 100 bytes each."""

    path: Path
    rules: RowRules
    source: LineSource
    read: int = 0
    forms: Counter[str] = field(default_factory=Counter)
    mended: Counter[str] = field(default_factory=Counter)
    """Lines that are read otherwise than they stand in the file, by how."""
    readings: ReadingCounts = field(default_factory=ReadingCounts)
    keys: bytearray = field(default_factory=bytearray)
    wholes: bytearray = field(default_factory=bytearray)
    """Like `keys`, whichever answers are trained."""
    begins: list[tuple[int, bytes]] = field(default_factory=list)
    numbers: I64 = field(default_factory=lambda: np.zeros(0, np.int64))
    """Line numbers, from 1."""
    families: FamilyColumns = field(default_factory=FamilyColumns)
    offsets: I64 = field(default_factory=lambda: np.zeros(0, np.int64))
    lengths: I64 = field(default_factory=lambda: np.zeros(0, np.int64))

    def __len__(self) -> int:
        return len(self.numbers)

    def lines(self, places: Sequence[int]) -> Iterator[Line]:
        """Read lines again, by their places in ascending order."""
        with self.path.open("rb") as file:
            for place in places:
                offset, length = int(self.offsets[place]), int(self.lengths[place])
                file.seek(offset)
                data = file.read(length).removesuffix(b"\r")
                yield Line(int(self.numbers[place]), offset, len(data), data, True)

    def examples(self, places: Sequence[int]) -> Iterator[Example]:
        """Read rows again that were good when they were first read."""
        for line in self.lines(places):
            found = parse_again(line, self.rules)
            if isinstance(found, Bad):
                raise ChangedWhileRead(f"line {line.number} of {self.path} is not what it was")
            yield found.example

    def encoding_notes(self) -> Iterator[str]:
        """Say which lines are read otherwise than they stand in the file."""
        marks = self.mended["mark"] + self.source.had_bom
        if self.source.had_bom and marks == 1:
            yield "the file begins with a byte order mark; it was left out"
        elif marks:
            yield f"{marks} byte order mark(s) of joined files were left out"
        if count := self.mended["western"]:
            yield f"{count} line(s) are windows-1252 and not UTF-8; they were read as that"

    def forget(self) -> None:
        """Free what only the first sift needs."""
        self.keys.clear()
        self.wholes.clear()
        self.begins.clear()

    def key(self, place: int) -> bytes:
        """Return the key of a row."""
        return bytes(self.keys[place * KEY_BYTES : (place + 1) * KEY_BYTES])


class ChangedWhileRead(Exception):
    """The file was written to while it was read."""


def look(
    path: Path,
    rules: RowRules,
    tally: Tally,
    progress: Progress,
    seed: int = 0,
    words: Words | None = None,
) -> Rows:
    """Read a file once: note the rows, refuse what is none.

    `seed` is that of the hold-out; `words` are remembered for the second pass.
    """
    rows = Rows(path, rules, LineSource(path, rules.max_bytes), families=FamilyColumns(seed))
    found: list[tuple[I64, I64, I64]] = []
    words = Words() if words is None else words
    for block in rows.source.blocks():
        places = _look_at(block, rows, tally, words)
        if places:
            at = np.array(places, np.int64)
            lengths = np.fromiter(map(len, block.texts), np.int64, len(block.texts))
            found.append((block.first + at, block.offsets[at], lengths[at]))
        progress(rows.read)
    if found:
        rows.numbers, rows.offsets, rows.lengths = map(np.concatenate, zip(*found, strict=True))
    return rows


def _look_at(block: Block, rows: Rows, tally: Tally, words: Words) -> list[int]:
    """Note the rows of a block and return their places in it."""
    places: list[int] = []
    lines: dict[int, Line] = {}
    for place, found in parse_block(block, rows.rules, rows.mended):
        rows.read += 1
        if isinstance(found, Bad):
            lines = lines or dict(block.lines())
            tally.refuse(lines[place], found)
            continue
        row = len(rows.keys) // KEY_BYTES
        key = key_of(found.example)
        rows.keys += key
        rows.families.add(found.example, key, words)
        rows.wholes += whole_key(found.example, key)
        rows.begins += [(row, begin) for begin in beginnings(found.example)]
        rows.forms[found.form] += 1
        rows.readings.add(found, block.first + place, block.texts[place])
        places.append(place)
    return places
