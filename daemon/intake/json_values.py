"""Reads the values of a JSON file one by one, however large the array is in which they stand."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

WINDOW = 2**18
"""Characters that are read at once."""
LONGEST = 2**27
"""Characters of one value; what is longer is no row."""
BLANK = re.compile(r"[ \t\n\r]*")
UNFINISHED = 16
"""Characters before the end of a window in which a mistake may be a value that is cut off."""


def values(path: Path) -> Iterator[Any]:
    """Give the rows of a file: the items of its arrays, and the values beside them.

    Raises:
        ValueError: it is no JSON, or a value is too long; the message says where.
        OSError: it cannot be read.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        text = _Text(file)
        while mark := text.peek():
            if mark == "[":
                yield from _items(text)
            else:
                yield text.value()


def _items(text: "_Text") -> Iterator[Any]:
    text.skip()
    if text.peek() == "]":
        text.skip()
        return
    while True:
        yield text.value()
        mark = text.peek()
        if mark not in (",", "]"):
            raise ValueError(f"neither ',' nor ']' at character {text.at}")
        text.skip()
        if mark == "]":
            return


class _Text:
    """A window of a text that moves on as values are taken from it."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._window = ""
        self._place = 0
        self._before = 0
        self._is_whole = False
        self._decoder = json.JSONDecoder()

    @property
    def at(self) -> int:
        """The place in the file, in characters from its beginning."""
        return self._before + self._place

    def peek(self) -> str:
        """Return the next character that is not blank; an empty text at the end."""
        while True:
            blank = BLANK.match(self._window, self._place)
            assert blank is not None, "no blank at all matches too"
            self._place = blank.end()
            if self._place < len(self._window):
                return self._window[self._place]
            if self._is_whole:
                return ""
            self._read(WINDOW)

    def skip(self) -> None:
        """Go on behind the next character."""
        self._place += 1

    def value(self) -> Any:
        """Take the next value, reading on until it is whole."""
        self.peek()
        while True:
            try:
                found, end = self._decoder.raw_decode(self._window, self._place)
            except json.JSONDecodeError as error:
                if not self._may_be_cut_off(error):
                    where = self._before + error.pos
                    raise ValueError(f"{error.msg} at character {where}") from error
            else:
                # A number may go on where the window ends: of `1.5e+3` each beginning is cut off.
                if end < len(self._window) - UNFINISHED or self._is_whole:
                    self._place = end
                    return found
            # Twice as much each time: what is begun again costs no more than what is new.
            self._read(max(WINDOW, len(self._window) - self._place))

    def _may_be_cut_off(self, error: json.JSONDecodeError) -> bool:
        if self._is_whole:
            return False
        in_string = error.msg.startswith("Unterminated string")
        return in_string or error.pos >= len(self._window) - UNFINISHED

    def _read(self, count: int) -> None:
        more = self._file.read(count)
        self._is_whole = not more
        self._before += self._place
        self._window = self._window[self._place :] + more
        self._place = 0
        if len(self._window) > LONGEST:
            raise ValueError(f"one value has more than {LONGEST:,} characters, from {self.at} on")
