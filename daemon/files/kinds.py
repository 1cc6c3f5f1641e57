"""Says what a dropped file is, by its content: lines, an array, a table, packed or not."""

import json
import re
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from daemon.core.rows.formats import recognise
from daemon.core.rows.refusal import Bad
from daemon.core.workspace.file_names import ending_of
from daemon.files import encodings, json_wrappers, packing, parquet
from daemon.files.encodings import BOM
from daemon.files.file_notes import FileNotes
from daemon.files.foreign import foreign
from daemon.files.foreign_text import foreign_json, foreign_prose
from daemon.files.json_text import UNFINISHED
from daemon.files.json_values import SPEAKERS
from daemon.files.limits import Unreadable
from daemon.files.packing import Packing
from daemon.files.tables import Table, table_in

Form = Literal["lines", "values", "wrapped", "array", "table", "parquet"]
HEAD_BYTES = 65536
LONGEST_ROW = 2**28
"""Characters of one value that are held while it is found out what a file is."""
LIST_OF_VALUES = re.compile(r'"\s*:\s*\[\s*[\[{]')
NAMES = {
    "lines": "JSON lines",
    "values": "JSON objects that are not one a line",
    "wrapped": "a JSON object around a list of rows",
    "array": "a JSON array",
    "table": "a table",
    "parquet": "a Parquet file",
}
SEPARATOR_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


@dataclass(frozen=True, slots=True)
class FileKind:
    """How the rows of a file are written."""

    form: Form = "lines"
    packing: Packing = ""
    encoding: str = "utf-8"
    returns: bool = False
    """Its lines end in a carriage return alone."""
    table: Table | None = None
    rows_key: str = ""
    """The key of the list that holds the rows, of an object around it."""

    @property
    def is_plain(self) -> bool:
        """Whether its bytes are lines to be read as they are."""
        return self.form == "lines" and not self.packing and self.is_plain_text

    @property
    def is_plain_text(self) -> bool:
        """Whether its text is UTF-8 with line feeds."""
        return self.encoding == "utf-8" and not self.returns

    def __str__(self) -> str:
        parts = [f"{NAMES[self.form]}, {self.rows_key!r}" if self.rows_key else NAMES[self.form]]
        if self.table is not None:
            separator = self.table.separator
            parts.append(f"with {SEPARATOR_NAMES.get(separator, separator)} between its cells")
        if self.encoding != "utf-8":
            parts.append(f"in {self.encoding.upper()}")
        if self.returns:
            parts.append("whose lines end in a carriage return")
        if self.packing:
            parts.append(f"packed with {self.packing}")
        return ", ".join(parts)


def kind_of(path: Path, known: Collection[str] = ()) -> FileKind | Bad:
    """Return what a file is; why nothing in it can be read where that is certain.

    `known` are names of columns beside those that everybody uses.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    packed = packing.packing_of(head)
    if packed:
        try:
            head = next(packing.pieces(path, packed, FileNotes()), b"")[:HEAD_BYTES]
        except Unreadable as error:
            return error.bad
    return _kind(head, packed, path, known)


def _kind(head: bytes, packed: Packing, path: Path, known: Collection[str]) -> FileKind | Bad:
    if not head.strip():
        inside = f"the {packed} file holds" if packed else "the file holds"
        return Bad("empty", f"{inside} nothing", "write one JSON object on each line")
    if packed and packing.packing_of(head):
        return Bad("packed_twice", "the file is packed twice", "unpack it once and drop that")
    if head.startswith(parquet.MAGIC):
        return FileKind("parquet", packed)
    wrong = foreign(head, path)
    if wrong is not None:
        return wrong
    encoding = encodings.encoding_of(head)
    if encoding != "utf-8":
        head = head[: len(head) // 4 * 4].decode(encoding, "ignore").encode()
    elif (unmarked := encodings.unmarked(head)) is not None:
        return unmarked
    returns = b"\n" not in head and b"\r" in head.strip()
    if returns:
        head = head.replace(b"\r", b"\n")
    return _text(head, FileKind("lines", packed, encoding, returns), path, known)


def _text(head: bytes, found: FileKind, path: Path, known: Collection[str]) -> FileKind | Bad:
    text = head.removeprefix(BOM).decode("utf-8", "ignore").lstrip().lstrip("\ufeff")
    form: Form = "lines"
    wrong = foreign_json(text)
    if wrong is not None:
        return wrong
    if text.startswith("["):
        form = _array_form(text)
    elif text.startswith("{"):
        form = _object_form(text, len(head) < HEAD_BYTES)
        if _may_hold_a_list(text, len(head) < HEAD_BYTES):
            key = _rows_key(path, found, known)
            if isinstance(key, Bad):
                return key
            if key is not None:
                return replace(found, form="wrapped", rows_key=key)
    else:
        table = table_in(head, known, _table_ending(path))
        if isinstance(table, Bad):
            return table
        if table is not None:
            return replace(found, form="table", table=table)
        wrong = foreign_prose(text)
        if wrong is not None:
            return wrong
    return replace(found, form=form)


def _table_ending(path: Path) -> str:
    ending = ending_of(path.name).lower()
    return ending if ending.startswith((".csv", ".tsv")) else ""


def _may_hold_a_list(text: str, is_all: bool) -> bool:
    """Return whether a text may be an object around a list of rows, or several joined ones."""
    if LIST_OF_VALUES.search(text) is None:
        return False
    try:
        found, end = json.JSONDecoder().raw_decode(text)
    except json.JSONDecodeError as error:
        cut_off = error.msg.startswith("Unterminated") or error.pos >= len(text) - UNFINISHED
        return cut_off
    except RecursionError:
        return False
    if not isinstance(recognise(found), Bad):
        return False
    return _has_rows_inside(found) or (is_all and not text[end:].strip())


def _has_rows_inside(value: object) -> bool:
    """Return whether an object has a list that certainly begins with a row."""
    inside = value.values() if isinstance(value, dict) else ()
    lists = (held for held in inside if isinstance(held, list) and held)
    return any(not isinstance(recognise(held[0]), Bad) for held in lists)


def _rows_key(path: Path, found: FileKind, known: Collection[str]) -> str | Bad | None:
    pieces = packing.pieces(path, found.packing, FileNotes())
    text = encodings.as_utf8(pieces, found.encoding, FileNotes())
    with suppress(Unreadable):
        return json_wrappers.rows_key(text, LONGEST_ROW, known)
    return None


def _array_form(text: str) -> Form:
    """Tell an array of rows from lines that are lists of messages."""
    line, _, more = text.partition("\n")
    try:
        first = json.loads(line)
    except (ValueError, RecursionError):
        # Longer than what is looked at, or on several lines.
        return "lines" if not more and _begins_a_talk(text) else "array"
    if _is_talk(first):
        return "lines"
    return "array" if not more.strip() or not first or isinstance(first[0], dict) else "lines"


def _begins_a_talk(text: str) -> bool:
    try:
        first, _ = json.JSONDecoder().raw_decode(text[1:].lstrip())
    except (ValueError, RecursionError):
        return False
    return _is_message(first)


def _is_talk(value: object) -> bool:
    return isinstance(value, list) and bool(value) and _is_message(value[0])


def _is_message(value: object) -> bool:
    return isinstance(value, dict) and any(key in value for key in SPEAKERS)


def _object_form(text: str, is_all: bool) -> Form:
    """Tell objects that are one a line from others."""
    line = text.partition("\n")[0].strip()
    try:
        _, end = json.JSONDecoder().raw_decode(text)
    except json.JSONDecodeError as error:
        cut_off = not is_all and error.pos >= len(text) - len(line) - UNFINISHED
        spread = line == "{" and (cut_off or '"' in text[1:].lstrip()[:1])
        return "values" if spread else "lines"
    except RecursionError:
        return "lines"
    behind = text[end:].lstrip()[:1]
    return "values" if end > len(line) or (end < len(line) and behind in "{,") else "lines"
