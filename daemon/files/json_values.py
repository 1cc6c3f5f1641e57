"""Cuts a JSON text into its rows, however large the array is in which they stand.

A row is given as it is written, on one line: what is wrong within it is told of that row alone.
"""

import json
from collections.abc import Iterator

from daemon.files.file_notes import FileNotes
from daemon.files.json_text import BLANK, JsonText

SPEAKERS = ("role", "from", "speaker")
"""A key of a message: an array of such objects is one conversation, not an array of rows."""


def rows(pieces: Iterator[bytes], longest: int, notes: FileNotes) -> Iterator[bytes]:
    """Give the rows of a JSON text as lines: items of its arrays, and the values beside them.

    A conversation that is a list of messages is one row. One that is cut off at the end of the
    text is given as it is, without an end of line; `notes` say where a text ends too early.

    Raises:
        Unreadable: it is no JSON, or a value is too long; the message says where.
    """
    text = JsonText(pieces, longest, notes)
    while mark := text.peek():
        if mark == "[" and not text.matches(is_conversation):
            yield from items(text)
        else:
            yield text.value()
        # Objects with commas between them are an array whose brackets were lost.
        if text.peek() == ",":
            text.skip()
            if not text.peek():
                text.end("after a comma")


def is_conversation(window: str, place: int) -> bool | None:
    """Say whether an array's first item is a message; None if more has to be read for that."""
    inner = BLANK.match(window, place + 1)
    begin = inner.end() if inner is not None else place + 1
    try:
        first, _ = json.JSONDecoder().raw_decode(window, begin)
    except json.JSONDecodeError:
        return None
    except RecursionError:
        return False
    return isinstance(first, dict) and any(key in first for key in SPEAKERS)


def items(text: JsonText, are_rows: bool = True) -> Iterator[bytes]:
    """Give the items of an array that comes next."""
    text.skip()
    if text.peek() == "]":
        text.skip()
        return
    while text.peek():
        yield text.value() if are_rows else text.other_value()
        mark = text.peek()
        if mark == ",":
            text.skip()
            mark = text.peek()
            if not mark:
                text.end("after a comma")
            if mark != "]":
                continue
        if mark == "]":
            text.skip()
            return
        if mark:
            raise text.broken("neither ',' nor ']'", text.at)
    text.end("before the bracket that closes its list")
