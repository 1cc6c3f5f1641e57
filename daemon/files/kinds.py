"""Says what a dropped file is, by its content: lines, an array, a table, packed or not."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

from daemon.core.rows.refusal import Bad
from daemon.core.workspace.file_names import ending_of
from daemon.files import encodings, packing, parquet
from daemon.files.encodings import BOM
from daemon.files.foreign import foreign
from daemon.files.json_values import SPEAKERS
from daemon.files.limits import Unreadable
from daemon.files.packing import Packing
from daemon.files.tables import Table, table_in

HEAD_BYTES = 65536
NAMES = {
    "lines": "JSON lines",
    "values": "JSON objects that are not one a line",
    "array": "a JSON array",
    "table": "a table",
    "parquet": "a Parquet file",
}
SEPARATOR_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


@dataclass(frozen=True, slots=True)
class FileKind:
    """How the rows of a file are written."""

    form: Literal["lines", "values", "array", "table", "parquet"] = "lines"
    packing: Packing = ""
    encoding: str = "utf-8"
    returns: bool = False
    """Its lines end in a carriage return alone."""
    table: Table | None = None

    @property
    def is_plain(self) -> bool:
        """Whether its bytes are lines to be read as they are."""
        return self.form == "lines" and not self.packing and self.is_plain_text

    @property
    def is_plain_text(self) -> bool:
        """Whether its text is UTF-8 with line feeds."""
        return self.encoding == "utf-8" and not self.returns

    def __str__(self) -> str:
        told = [NAMES[self.form]]
        if self.table is not None:
            separator = self.table.separator
            told.append(f"with {SEPARATOR_NAMES.get(separator, separator)} between its cells")
        if self.encoding != "utf-8":
            told.append(f"in {self.encoding.upper()}")
        if self.returns:
            told.append("whose lines end in a carriage return")
        if self.packing:
            told.append(f"packed with {self.packing}")
        return ", ".join(told)


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
            pieces = packing.pieces(path, packed)
            head = next(islice(pieces, 1), b"")[:HEAD_BYTES]
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
    form = "lines"
    if text.startswith("["):
        form = _array_form(text)
    elif text.startswith("{"):
        form = _object_form(text, len(head) < HEAD_BYTES)
    else:
        table = table_in(head, known, _table_ending(path))
        if isinstance(table, Bad):
            return table
        if table is not None:
            return FileKind("table", found.packing, found.encoding, found.returns, table)
    return FileKind(form, found.packing, found.encoding, found.returns)  # type: ignore[arg-type]


def _table_ending(path: Path) -> str:
    ending = ending_of(path.name).lower()
    return ending if ending.startswith((".csv", ".tsv")) else ""


def _array_form(text: str) -> str:
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


def _object_form(text: str, is_all: bool) -> str:
    """Tell objects that are one a line from others."""
    line = text.partition("\n")[0].strip()
    try:
        _, end = json.JSONDecoder().raw_decode(text)
    except json.JSONDecodeError as error:
        cut_off = not is_all and error.pos >= len(text) - len(line) - 16
        spread = line == "{" and (cut_off or '"' in text[1:].lstrip()[:1])
        return "values" if spread else "lines"
    except RecursionError:
        return "lines"
    behind = text[end:].lstrip()[:1]
    return "values" if end > len(line) or (end < len(line) and behind in "{,") else "lines"
