"""Cuts a JSON text into its rows, however large the array is in which they stand.

A row is given as it is written, on one line: what is wrong within it is told of that row alone.
"""

import codecs
import json
import re
from collections.abc import Callable, Iterator

from daemon.core.rows.refusal import Bad
from daemon.files.encodings import BOM
from daemon.files.limits import Unreadable

WINDOW = 2**18
"""Characters that are read at once."""
BLANK = re.compile(r"[ \t\n\r\ufeff]*")
UNFINISHED = 16
"""Characters before the end of a window in which a mistake may be a value that is cut off."""
CUT = re.compile(r"[a-z0-9.+\-]{0,6}\s*")
"""What may stand at the end of a text that was cut off: nothing, or half a word or number."""
SPEAKERS = ("role", "from", "speaker")
"""A key of a message: an array of such objects is one conversation, not an array of rows."""


def rows(pieces: Iterator[bytes], longest: int) -> Iterator[bytes]:
    """Give the rows of a JSON text as lines: items of its arrays, and the values beside them.

    A conversation that is a list of messages is one row. One that is cut off at the end of the
    text is given as it is, without an end of line.

    Raises:
        Unreadable: it is no JSON, or a value is too long; the message says where.
    """
    text = _Text(pieces, longest)
    while mark := text.peek():
        if mark == "[" and not text.matches(_is_conversation):
            yield from _items(text)
        else:
            yield text.value()
        # Objects with commas between them are an array whose brackets were lost.
        if text.peek() == ",":
            text.skip()


def _is_conversation(window: str, place: int) -> bool | None:
    """Say whether an array's first item is a message; None where more has to be read for that."""
    inner = BLANK.match(window, place + 1)
    begin = inner.end() if inner is not None else place + 1
    try:
        first, _ = json.JSONDecoder().raw_decode(window, begin)
    except json.JSONDecodeError:
        return None
    except RecursionError:
        return False
    return isinstance(first, dict) and any(key in first for key in SPEAKERS)


def _items(text: "_Text") -> Iterator[bytes]:
    text.skip()
    if text.peek() == "]":
        text.skip()
        return
    while text.peek():
        yield text.value()
        mark = text.peek()
        if mark == ",":
            text.skip()
            mark = text.peek()
            if mark != "]":
                continue
        if mark == "]":
            text.skip()
            return
        if mark:
            raise text.broken("neither ',' nor ']'", text.at)


class _Text:
    """A window of a text that moves on as values are taken from it."""

    def __init__(self, pieces: Iterator[bytes], longest: int) -> None:
        self._pieces = pieces
        self._longest = longest
        # Bytes that are no UTF-8 come out as they went in: they are judged with their row.
        self._utf8 = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._window = ""
        self._place = 0
        self._before = 0
        self._line = 1
        self._taken = 0
        self._is_whole = False
        self._decoder = json.JSONDecoder()

    @property
    def at(self) -> int:
        """The place in the window."""
        return self._place

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

    def matches(self, test: Callable[[str, int], bool | None]) -> bool:
        """Return what a test says of the next value, reading on until it can say."""
        while (found := test(self._window, self._place)) is None:
            if self._is_whole or len(self._window) - self._place > self._longest:
                return False
            self._read(self._more())
        return found

    def value(self) -> bytes:
        """Take the next value, reading on until it is whole."""
        self.peek()
        while True:
            try:
                _, end = self._decoder.raw_decode(self._window, self._place)
            except json.JSONDecodeError as error:
                if not self._may_be_cut_off(error):
                    raise self.broken(error.msg.removesuffix(" at"), error.pos) from error
                if self._is_whole:
                    return self._rest()
            except RecursionError:
                raise self.broken("brackets nest too deep", self._place) from None
            else:
                # A number may go on where the window ends: of `1.5e+3` each beginning is cut off.
                if end < len(self._window) - UNFINISHED or self._is_whole:
                    return self._take(end) + b"\n"
            self._read(self._more())

    def broken(self, why: str, place: int) -> Unreadable:
        """Return the error for a text that is no JSON from a place in the window on."""
        line = self._line + self._window.count("\n", 0, place)
        where = f"line {line}, character {self._before + place}"
        message = f"the file is no JSON from {where} on: {why}, in row {self._taken + 1}"
        return Unreadable(Bad("broken_json", message, "mend that place and drop the file again"))

    def _more(self) -> int:
        # Twice as much each time: what is begun again costs no more than what is new.
        return max(WINDOW, len(self._window) - self._place)

    def _rest(self) -> bytes:
        return self._take(len(self._window))

    def _take(self, end: int) -> bytes:
        text = self._window[self._place : end]
        self._place = end
        self._taken += 1
        data = text.encode("utf-8", "surrogateescape")
        # Between the parts of a value only: in a text they would have been no JSON.
        return data.replace(b"\r", b" ").replace(b"\n", b" ").removeprefix(BOM)

    def _may_be_cut_off(self, error: json.JSONDecodeError) -> bool:
        if error.msg.startswith("Unterminated string"):
            return True
        if not self._is_whole:
            return error.pos >= len(self._window) - UNFINISHED
        return CUT.fullmatch(self._window, error.pos) is not None

    def _read(self, count: int) -> None:
        """Move the window on by so many characters or more."""
        more: list[str] = []
        have = 0
        while have < count and not self._is_whole:
            piece = next(self._pieces, None)
            self._is_whole = piece is None
            more.append(self._utf8.decode(piece or b"", final=piece is None))
            have += len(more[-1])
        self._before += self._place
        self._line += self._window.count("\n", 0, self._place)
        self._window = self._window[self._place :] + "".join(more)
        self._place = 0
        if len(self._window) > self._longest + max(count, have):
            raise self.broken(f"one value has more than {self._longest:,} characters", 0)
