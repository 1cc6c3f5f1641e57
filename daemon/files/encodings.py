"""Brings text to UTF-8 with line feeds, where what was meant is certain."""

import codecs
import re
from collections.abc import Iterator

from daemon.core.rows.refusal import Bad
from daemon.files.file_notes import FileNotes
from daemon.files.limits import Unreadable

BOM = codecs.BOM_UTF8
MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""The longer ones first: one mark of UTF-32 begins with one of UTF-16."""
WESTERN = "windows-1252"

LONG_RUN = re.compile(rb"[\x80-\xff]{3}")
"""Western words have two such letters in a row at most; other alphabets have long runs of them."""
UNUSED = re.compile(rb"[\x81\x8d\x8f\x90\x9d\xff]")
MISREAD = re.compile(rb"[\xc2\xc3]|\xe2[\x80-\xbf]|\xf0\x9f")
"""Half a character of UTF-8: such a line was cut or damaged, not written in windows-1252."""
SIGN_IN_WORD = re.compile(rb"[A-Za-z][\xa1-\xa9\xac-\xb1\xb3\xb4\xb6-\xb9\xbc-\xbf\xd7\xf7][a-z]")
"""A sign between letters is a letter of another code page."""


def encoding_of(head: bytes) -> str:
    """Return the encoding that a byte order mark names; utf-8 where there is none."""
    return next((name for mark, name in MARKS.items() if head.startswith(mark)), "utf-8")


def unmarked(head: bytes) -> Bad | None:
    """Refuse a text that has two or four bytes a character and no mark that says so."""
    start = head[:64]
    if not start.strip(b"\0"):
        message = "the file begins with zeros: it was never written completely"
        return Bad("damaged", message, "copy or download it again")
    if b"\0" in start and start.count(b"\0") * 3 > len(start):
        return Bad("wrong_encoding", "the file looks like UTF-16 or UTF-32", "save it as UTF-8")
    return None


def as_utf8(pieces: Iterator[bytes], encoding: str, notes: FileNotes) -> Iterator[bytes]:
    """Give a text in UTF-8 and without its byte order mark; half a character at its end is noted.

    Raises:
        Unreadable: a byte is none of that encoding.
    """
    if encoding == "utf-8":
        yield from pieces
        return
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for piece in pieces:
            yield decoder.decode(piece).encode()
        if decoder.getstate()[0]:
            notes.end("in the middle of a character")
    except UnicodeError as error:
        message = f"its mark says {encoding.upper()}, but it is none ({error})"
        raise Unreadable(Bad("wrong_encoding", message, "save it as UTF-8")) from error


def with_line_feeds(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Give a text whose lines end in a carriage return alone with line feeds."""
    held = False
    for piece in pieces:
        if not piece:
            continue
        text = (b"\r" if held else b"") + piece
        held = text.endswith(b"\r")
        text = text[:-1] if held else text
        yield text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if held:
        yield b"\n"


def western(line: bytes) -> str | None:
    """Return a line that is not UTF-8 as windows-1252; None if it may be something else."""
    if any(pattern.search(line) for pattern in (LONG_RUN, UNUSED, MISREAD, SIGN_IN_WORD)):
        return None
    return line.decode(WESTERN)


def text_of(line: bytes) -> str | None:
    """Return a line as text: it is UTF-8, or certainly windows-1252; None for others."""
    try:
        return line.removeprefix(BOM).decode()
    except UnicodeDecodeError:
        return western(line)
