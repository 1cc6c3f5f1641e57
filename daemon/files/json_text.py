"""A window over a JSON text that moves on as values are taken from it, however long the text is."""

import codecs
import json
import re
from collections.abc import Callable, Iterator

from daemon.core.rows.refusal import Bad
from daemon.files.encodings import BOM
from daemon.files.file_notes import FileNotes
from daemon.files.limits import Unreadable

WINDOW = 2**18
"""Characters that are read at once."""
BLANK = re.compile(r"[ \t\n\r\ufeff]*")
UNFINISHED = 16
"""Characters before the end of a window in which a mistake may be a value that is cut off."""
CUT = re.compile(r"[a-z0-9.+\-]{0,6}\s*")
"""What may stand at the end of a text that was cut off: nothing, or half a word or number."""
HALF_ESCAPE = 5
"""Characters of `u00e9`, as they stand behind a backslash."""


class JsonText:
    """A JSON text of which values are taken one by one."""

    def __init__(self, pieces: Iterator[bytes], longest: int, notes: FileNotes) -> None:
        self._pieces = pieces
        self._longest = longest
        self._notes = notes
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

    @property
    def row(self) -> int:
        """How many values were taken as rows."""
        return self._taken

    @property
    def characters(self) -> int:
        """How many were gone over."""
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

    def matches(self, test: Callable[[str, int], bool | None]) -> bool:
        """Return what a test says of the next value, reading on until it can say."""
        while (found := test(self._window, self._place)) is None:
            if self._is_whole or len(self._window) - self._place > self._longest:
                return False
            self._read(self._more())
        return found

    def value(self) -> bytes:
        """Take the next value as a row, reading on until it is whole."""
        self._taken += 1
        return self._value(f"in the middle of row {self._taken}")

    def other_value(self) -> bytes:
        """Take the next value that is no row."""
        return self._value(f"behind row {self._taken}")

    def _value(self, where: str) -> bytes:
        self.peek()
        while True:
            try:
                _, end = self._decoder.raw_decode(self._window, self._place)
            except json.JSONDecodeError as error:
                if not self._may_be_cut_off(error):
                    raise self.broken(error.msg.removesuffix(" at"), error.pos) from error
                if self._is_whole:
                    self._notes.end(where)
                    return self._take(len(self._window))
            except RecursionError:
                raise self.broken("brackets nest too deep", self._place) from None
            else:
                # A number may go on where the window ends: of `1.5e+3` each beginning is cut off.
                if end < len(self._window) - UNFINISHED or self._is_whole:
                    return self._take(end) + b"\n"
            self._read(self._more())

    def end(self, where: str) -> None:
        """Note that the text ends too early, behind the row that was taken last."""
        self._notes.end(f"{where}, behind row {self._taken}" if self._taken else where)

    def broken(self, why: str, place: int) -> Unreadable:
        """Return the error for a text that is no JSON from a place in the window on."""
        line = self._line + self._window.count("\n", 0, place)
        where = f"line {line}, character {self._before + place}"
        message = f"the file is no JSON from {where} on: {why}, in row {self._taken}"
        return Unreadable(Bad("broken_json", message, "mend that place and drop the file again"))

    def _more(self) -> int:
        # Twice as much each time: what is begun again costs no more than what is new.
        return max(WINDOW, len(self._window) - self._place)

    def _take(self, end: int) -> bytes:
        text = self._window[self._place : end]
        self._place = end
        data = text.encode("utf-8", "surrogateescape")
        # Between the parts of a value only: in a text they would have been no JSON.
        return data.replace(b"\r", b" ").replace(b"\n", b" ").removeprefix(BOM)

    def _may_be_cut_off(self, error: json.JSONDecodeError) -> bool:
        if error.msg.startswith("Unterminated string"):
            return True
        if not self._is_whole:
            return error.pos >= len(self._window) - UNFINISHED
        if error.msg.startswith("Invalid \\uXXXX"):
            return len(self._window) - error.pos < HALF_ESCAPE
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
