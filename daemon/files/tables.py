"""Reads CSV as people and Excel write it: any separator, line ends and quotes; a row at a time."""

import csv
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import orjson

from daemon.core.rows.forms.names import meaning_of
from daemon.core.rows.refusal import Bad
from daemon.core.rows.refusal_rows import record_of
from daemon.files.encodings import BOM, text_of
from daemon.files.file_notes import FileNotes
from daemon.files.limits import Unreadable

SEPARATORS = ",;\t|"
DECLARED = re.compile(rb'"?sep=(.)"?\r?\n?', re.IGNORECASE)
"""The line by which Excel is told the separator."""
SAY_NOTHING = frozenset(("metadata", "verdict", "weight", "media", "wrapper", "export"))
"""Meanings of keys by which a text of another kind could be taken for a table."""
NAME = re.compile(r"[^\n.?!:]{0,60}")
CUT_OFF = Bad(
    "incomplete_last_line",
    "the last row of the table is cut off",
    "drop the file again when it is written completely",
)
NO_LINE_END = (
    "the last line of the table has no line end: if the file was cut off there, its last cell is "
    "too short"
)
RAW = 2000
"""Characters of a row that are repeated where it is refused."""


@dataclass(frozen=True, slots=True)
class Table:
    """How a table is written."""

    separator: str
    declared: bool = False
    """By a first line of its own."""
    spaced: bool = False
    """A blank stands behind each separator and belongs to no cell."""


def table_in(head: bytes, known: Collection[str], is_named_so: str) -> Table | Bad | None:
    """Return how a table is written, by its beginning; None for a text that is none.

    `known` are the names of columns that mean something; `is_named_so` is the file's ending where
    that says it is a table, else empty.
    """
    first, _, _ = head.removeprefix(BOM).partition(b"\n")
    declared = DECLARED.fullmatch(first.strip())
    if declared is not None:
        return Table(declared[1].decode("latin-1"), declared=True)
    text = text_of(first)
    if text is None and is_named_so:
        message = "the table is neither UTF-8 nor certainly windows-1252"
        return Bad("wrong_encoding", message, "save it as CSV in UTF-8")
    if text is None or text.lstrip()[:1] in ("{", "["):
        return None
    found = {separator: _cells(text, separator) for separator in SEPARATORS}
    best = max(SEPARATORS, key=lambda s: (_named(found[s], known), len(found[s])))
    names, columns = found[best], _named(found[best], known)
    if columns >= 2 or (columns and is_named_so):
        return Table(best, spaced=text.count(best) == text.count(best + " ") > 0)
    if not is_named_so:
        return None
    if all(map(NAME.fullmatch, names)):
        return Table("\t" if is_named_so.startswith(".tsv") and len(names) == 1 else best)
    return Bad(
        "no_header",
        f"the first line of the table ({names[0][:40]!r} \u2026) does not name its columns",
        "write their names into the first line, like: prompt,completion",
    )


def _cells(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return []


def _named(names: list[str], known: Collection[str]) -> int:
    return sum(_is_column(name.strip()) or name.strip() in known for name in names)


def _is_column(name: str) -> bool:
    """Return whether a name tells a table from any other text; a single letter does not."""
    meaning = meaning_of(name) if len(name) > 1 else None
    return meaning is not None and meaning not in SAY_NOTHING


def rows(pieces: Iterator[bytes], table: Table, longest: int, notes: FileNotes) -> Iterator[bytes]:
    """Give the rows of a table as lines of JSON; an empty cell is none.

    A row that has more cells than there are columns, or quotes that do not fit, is given with the
    reason why it is refused.

    A last row that is cut off, within its quotes or before its last column, is refused by itself.

    Raises:
        Unreadable: two columns have one name, or a quote swallows rows.
    """
    lines = _Lines(pieces, longest)
    csv.field_size_limit(longest)
    reader = csv.reader(
        lines, delimiter=table.separator, strict=True, skipinitialspace=table.spaced
    )
    if table.declared:
        next(lines, None)
    names = _header(reader, lines)
    while True:
        lines.begin_row()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "unexpected end of data" not in str(error):
                yield _line(record_of(_odd(f"{error}"), lines.raw))
                continue
            if _swallows_rows(lines.later_lines, table, len(names)):
                raise lines.unclosed() from error
            notes.end(f"in the middle of line {lines.number}, within quotes")
            yield _line(record_of(CUT_OFF, lines.raw))
            return
        if cells and lines.is_unended and (len(cells) < len(names) or notes.cut_off):
            notes.end(f"in the middle of line {lines.number}")
            yield _line(record_of(CUT_OFF, lines.raw))
        elif cells:
            yield _line(_row(names, cells, lines))
            if lines.is_unended and not lines.raw.endswith('"'):
                notes.unread.append(NO_LINE_END)


def _swallows_rows(later: Iterable[str], table: Table, columns: int) -> bool:
    """Return whether lines behind an open quote are rows of their own: then it is no cut."""
    return any(len(_cells(line, table.separator)) == columns for line in later if line.strip())


def _header(reader: Iterator[list[str]], lines: "_Lines") -> list[str]:
    try:
        found = [name.strip() for name in next(reader, [])]
    except csv.Error as error:
        raise lines.unclosed() from error
    counted = Counter(name.lower() for name in found if name)
    twice = next((name for name, count in counted.items() if count > 1), None)
    if twice is not None:
        message = f"two columns of the table are called {twice[:60]!r}"
        raise Unreadable(
            Bad("repeated_column", message, "rename or remove one of them in the first line")
        )
    # As data frames call the column of row numbers that they write without a name.
    return [name or f"Unnamed: {number}" for number, name in enumerate(found)]


def _row(names: list[str], cells: list[str], lines: "_Lines") -> dict[str, object]:
    if lines.unread is not None:
        return record_of(_not_text(lines.unread), lines.raw)
    if len(cells) > len(names) and any(cells[len(names) :]):
        bad = _odd(f"it has {len(cells)} cells, and there are {len(names)} columns")
        return record_of(bad, lines.raw)
    return {name: cell for name, cell in zip(names, cells, strict=False) if cell != ""}


def _odd(why: str) -> Bad:
    hint = "put texts that hold the separator, quotes or line breaks in double quotes"
    return Bad("broken_table_row", f"the row is not that of a table: {why}", hint)


def _not_text(line: int) -> Bad:
    message = f"line {line} of the table is neither UTF-8 nor certainly windows-1252"
    return Bad("not_utf8", message, "save as UTF-8")


def _line(row: dict[str, object]) -> bytes:
    return orjson.dumps(row) + b"\n"


class _Lines(Iterator[str]):
    """The lines of a text one by one, and what the row in hand took of them."""

    def __init__(self, pieces: Iterator[bytes], longest: int) -> None:
        self._lines = _split(pieces, longest)
        self._longest = longest
        self.number = 0
        """Of the line that was read last."""
        self.is_unended = False
        """That one has no line end."""
        self.begin_row()

    def begin_row(self) -> None:
        """Forget the row before."""
        self._first = self.number + 1
        self._taken: list[str] = []
        self._bytes = 0
        self.unread: int | None = None
        """A line of the row that is in no certain encoding."""

    @property
    def later_lines(self) -> Iterable[str]:
        """The lines of the row behind its first one."""
        return islice(self._taken, 1, None)

    @property
    def raw(self) -> str:
        """The row as it is written, its beginning at least."""
        return "".join(islice(self._taken, 50))[:RAW].rstrip("\r\n")

    def __next__(self) -> str:
        line = next(self._lines)
        self.number += 1
        self._bytes += len(line)
        self.is_unended = not line.endswith(b"\n")
        if self._bytes > self._longest:
            raise self.unclosed()
        text = text_of(line.removeprefix(BOM))
        if text is None:
            self.unread = self.number
            text = line.decode("utf-8", "replace")
        self._taken.append(text)
        return text

    def unclosed(self) -> Unreadable:
        """Return the error for a quote that swallows what follows."""
        message = f"a quote that is opened in line {self._first} of the table is never closed"
        return Unreadable(Bad("open_quote", message, "close it and drop the file again"))


def _split(pieces: Iterator[bytes], longest: int) -> Iterator[bytes]:
    """Give lines with their ends.

    Raises:
        Unreadable: one is longer than a row may be.
    """
    half = b""
    for piece in pieces:
        *lines, half = (half + piece).split(b"\n")
        yield from (line + b"\n" for line in lines)
        if len(half) > longest:
            message = f"a line of the table has more than {longest:,} bytes"
            hint = "split it, or raise intake.max_line_bytes"
            raise Unreadable(Bad("line_too_long", message, hint))
    if half:
        yield half
