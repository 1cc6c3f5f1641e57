"""Reads rows that stand in a list within one JSON object: `{"data": [...]}`, `{"train": [...]}`."""

import json
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from daemon.core.rows.formats import recognise
from daemon.core.rows.forms.names import known_as, meaning_of
from daemon.core.rows.refusal import Bad
from daemon.core.workspace.file_names import PARTS
from daemon.files.file_notes import FileNotes
from daemon.files.json_text import JsonText
from daemon.files.json_values import SPEAKERS, items
from daemon.files.limits import Unreadable

TRAIN_KEYS = frozenset(("train", "training", "train_data", "training_data"))
ROWS_KEYS = TRAIN_KEYS | {
    "data",
    "rows",
    "examples",
    "samples",
    "items",
    "records",
    "instances",
    "entries",
    "dataset",
    "conversations",
    "dialogs",
    "dialogues",
    "chats",
}
"""Names of a list within an object by which it is the rows of a file."""
MEASURED_KEYS = frozenset((*PARTS, "dev", "eval", "evaluation", "test_data", "validation_data"))
"""Names of lists that are measured with: beside one that is trained they are not read."""
AROUND_ROWS = frozenset((None, "metadata", "wrapper", "messages", "weight", "verdict"))
"""Meanings of keys that an object around rows may have; one with any other key is a row."""
LOOKED_AT = 2**24
"""Characters of an object of which the keys are looked at."""
DROP_IT_ALONE = "drop the list of rows by itself, or call it 'data'"


@dataclass
class _Lists:
    """The lists in an object that may be the rows of a file."""

    named: list[str] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)
    """Lists with other names whose items are certainly rows."""
    measured: list[str] = field(default_factory=list)

    def add(self, key: str, first: object, own_names: Collection[str]) -> None:
        """Note a list by its key and its first item."""
        if known_as(key) in ROWS_KEYS:
            self.named.append(key)
        elif known_as(key) in MEASURED_KEYS:
            self.measured.append(key)
        elif _is_row(first, own_names):
            self.rows.append(key)

    def chosen(self) -> str | Bad | None:
        """Return the key of the one that is the rows; None if there is none."""
        train = [key for key in self.named if known_as(key) in TRAIN_KEYS]
        found = train or self.named or self.rows
        if len(found) > 1:
            shown = ", ".join(repr(key) for key in found[:5])
            message = f"the file is one JSON object with several lists of rows: {shown}"
            return Bad("several_lists", message, DROP_IT_ALONE)
        if not found and self.measured:
            message = f"the file is one JSON object with {self.measured[0]!r} and no 'train'"
            return Bad("no_train_list", message, "such rows are never trained: " + DROP_IT_ALONE)
        return next(iter(found), None)


def rows_key(pieces: Iterator[bytes], longest: int, own_names: Collection[str]) -> str | Bad | None:
    """Return the key of the list in an object that holds a file's rows; None if it is a row.

    An object with several such lists is refused, and so is one whose lists are measured with only.
    """
    lists = _Lists()
    with suppress(Unreadable):  # What is broken is told by whoever reads the rows.
        text = JsonText(pieces, longest, FileNotes())
        for key in _keys(text):
            rest = items(text, are_rows=False) if text.peek() == "[" else iter(())
            first = _parsed(next(rest, b"null")) if text.peek() == "[" else _value(text)
            if _tells_a_row(key, first, own_names):
                return None
            if isinstance(first, dict | list):
                lists.add(key, first, own_names)
            if any(text.characters > LOOKED_AT for _ in rest):
                break
    return lists.chosen()


def rows(pieces: Iterator[bytes], wanted: str, longest: int, notes: FileNotes) -> Iterator[bytes]:
    """Give the items of the list `wanted` of an object, or of several joined ones, as lines.

    Raises:
        Unreadable: it is no JSON, or an object has no such list, or is a row itself.
    """
    text = JsonText(pieces, longest, notes)
    while text.peek():
        has_rows = False
        for key in _keys(text):
            if key == wanted and text.peek() == "[":
                has_rows = True
                yield from items(text)
            else:
                _pass_over(text, key, wanted, notes)
        if not (has_rows or notes.cut_off):
            message = f"an object of the file, behind row {text.row}, has no list {wanted!r}"
            raise Unreadable(Bad("no_list_of_rows", message, DROP_IT_ALONE))


def _pass_over(text: JsonText, key: str, wanted: str, notes: FileNotes) -> None:
    """Read what stands beside the rows, and note what of it is no metadata."""
    first, count = _list(text) if text.peek() == "[" else (_value(text), 0)
    if isinstance(first, dict | list) and count:
        notes.unread.append(_beside(key, wanted, count))
    elif meaning_of(key) not in ("metadata", "wrapper") and first is not None:
        notes.unread.append(f"{key[:60]!r} beside the list {wanted!r} is not read")


def _beside(key: str, wanted: str, count: int) -> str:
    sentence = f"the list {key[:60]!r} ({count:,} items) beside {wanted!r} is not read"
    if known_as(key) not in MEASURED_KEYS:
        return sentence
    return f"{sentence}: to measure with it, drop it as NAME.test.json, or NAME.valid.json, beside"


def _keys(text: JsonText) -> Iterator[str]:
    """Give the keys of an object that comes next; whoever asks for one takes its value."""
    if text.peek() != "{":
        raise text.broken("no object", text.at)
    text.skip()
    while (mark := text.peek()) != "}":
        if not mark:
            text.end("before the brace that closes its object")
            return
        key = _parsed(text.other_value())
        if not text.peek():
            continue
        if text.peek() != ":":
            raise text.broken("no ':' behind a key", text.at)
        text.skip()
        yield str(key)
        if text.peek() == ",":
            text.skip()
    text.skip()


def _list(text: JsonText) -> tuple[object, int]:
    """Go over a list; return its first item, and how many it has."""
    rest = items(text, are_rows=False)
    first = next(rest, None)
    return (None, 0) if first is None else (_parsed(first), 1 + sum(1 for _ in rest))


def _value(text: JsonText) -> str | None:
    """Go over a value that is no list; what it is does not matter, but whether it is there."""
    return None if _parsed(text.other_value()) is None else ""


def _parsed(data: bytes) -> object:
    try:
        return json.loads(data.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None


def _tells_a_row(key: str, first: object, own_names: Collection[str]) -> bool:
    """Return whether an object with this key is a row, and none around rows."""
    if key in own_names or _is_message(first):
        return True
    known = known_as(key) in ROWS_KEYS | MEASURED_KEYS
    return not known and meaning_of(key) not in AROUND_ROWS


def _is_message(value: object) -> bool:
    return isinstance(value, dict) and any(key in value for key in SPEAKERS)


def _is_row(value: object, own_names: Collection[str]) -> bool:
    if isinstance(value, dict) and any(key in own_names for key in value):
        return True
    return not isinstance(recognise(value), Bad)
