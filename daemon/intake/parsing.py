"""Parses a line into an example: strict JSON first, then the formats; every refusal says why."""

import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from daemon.core.records import JsonObject
from daemon.core.rows.formats import Fields, Good, recognise
from daemon.core.rows.refusal import Bad
from daemon.core.rows.refusal_rows import refusal_in
from daemon.files.encodings import BOM, text_of
from daemon.intake.doubtful import CODES, read_doubtful
from daemon.intake.lines import Block, Line

QUOTE, BACKSLASH = b'"\\'
OPEN_BRACE = ord("{")
BRACKET_TO_BRACE = np.uint8(ord("{") ^ ord("["))
NUMBERED = b"u0022"
HALF_PAIR = re.compile(rb"\\u[dD][89abAB]..(?:\\u?.{0,3})?\Z")
"""At the end of a text that is cut off within the two escapes of one character."""
CUT_OFF = "incomplete_last_line"
MENDED_KEYS = {"line", "code", "hint", "raw"}


@dataclass(frozen=True, slots=True)
class RowRules:
    """What a row may be."""

    max_depth: int
    max_bytes: int
    fields: Fields


def parse_block(
    block: Block, rules: RowRules, mended_lines: Counter[str] | None = None
) -> list[tuple[int, Good | Bad]]:
    """Return for each line that is not blank its place and its example, or why there is none.

    A block without a mistake is checked as a whole, which costs little more than parsing it.
    `mended_lines` counts lines that are read otherwise than they stand there.
    """
    rows = strict_rows(block, rules)
    if rows is None:
        if mended_lines is not None:
            mended_lines += mendings(block)
        return [(place, parse(line, rules)) for place, line in block.lines()]
    return [(place, _recognised(row, rules)) for place, row in enumerate(rows)]


def strict_rows(block: Block, rules: RowRules) -> list[object] | None:
    """Return the parsed lines of a block; None if any of them has to be looked at by itself.

    The checks are those of `strict`, on the bytes of all lines at once.
    """
    if block.too_long or (len(block.data) > rules.max_bytes and len(block.texts) > 1):
        return None
    try:
        rows = list(map(orjson.loads, block.texts))
    except orjson.JSONDecodeError:
        return None
    data = np.frombuffer(block.data, np.uint8)
    openers = np.flatnonzero((data | BRACKET_TO_BRACE) == OPEN_BRACE)
    ends = np.cumsum(np.fromiter(map(len, block.texts), np.int64, len(rows)) + 1)
    if np.bincount(np.searchsorted(ends, openers), minlength=1).max() > rules.max_depth:
        return None
    kept = np.frombuffer(orjson.dumps(rows), np.uint8)
    if np.count_nonzero(data == QUOTE) != np.count_nonzero(kept == QUOTE):
        return None
    # A quote may also be written as its number; then the count says nothing.
    return None if _numbered(data, np.flatnonzero(data == BACKSLASH)) else rows


def _numbered(data: npt.NDArray[np.uint8], slashes: npt.NDArray[np.int64]) -> bool:
    found = slashes[slashes + len(NUMBERED) < len(data)]
    for place, letter in enumerate(NUMBERED, 1):
        found = found[data[found + place] == letter]
    return len(found) > 0


def parse(line: Line, rules: RowRules) -> Good | Bad:
    """Return the example of a line, or why there is none."""
    max_bytes = rules.max_bytes
    if line.data is None:
        return Bad(
            "line_too_long",
            f"the line has {line.length} bytes, the limit is {max_bytes}",
            "split it, or raise intake.max_line_bytes",
        )
    found = _from_bytes(mended(line.data), rules)
    if isinstance(found, Bad) and not line.whole and _is_cut_off(line.data, found):
        return Bad(
            CUT_OFF,
            f"the last line is cut off: {found.message}",
            "drop the file again when it is written completely",
        )
    return found


def _is_cut_off(data: bytes, why: Bad) -> bool:
    """Return whether a last line may be unreadable because it is not all there."""
    if why.code == "not_utf8":
        try:
            data.decode()
        except UnicodeDecodeError as wrong:
            return wrong.reason == "unexpected end of data"
    half_pair = why.code == "lone_surrogate" and HALF_PAIR.search(data) is not None
    return half_pair or why.code == "bad_json"


def _from_bytes(data: bytes, rules: RowRules) -> Good | Bad:
    """Return the example of a line's bytes; what is not read of a row may be doubtful."""
    row = strict(data, rules.max_depth)
    if not isinstance(row, Bad):
        return _recognised(row, rules)
    return read_doubtful(data, rules.fields, row) if row.code in CODES else row


def parse_again(line: Line, rules: RowRules) -> Good | Bad:
    """Return the example of a line that was good when it was first read."""
    try:
        return _recognised(orjson.loads(line.data or b""), rules)
    except orjson.JSONDecodeError:
        found = parse(line, rules)
    return Bad("changed", found.message, "drop the file again") if isinstance(found, Bad) else found


def _recognised(row: Any, rules: RowRules) -> Good | Bad:
    if isinstance(row, dict) and "raw" in row:
        raw = row["raw"]
        if set(row) >= MENDED_KEYS and isinstance(raw, str):
            # A line of `rejected.jsonl` that came back mended.
            return _from_text(raw.encode(), rules)
        refused = refusal_in(row)
        if refused is not None:
            return refused
    return recognise(row, rules.fields)


def _from_text(data: bytes, rules: RowRules) -> Good | Bad:
    """Return the example of a row that an earlier refusal carried."""
    row = strict(data, rules.max_depth)
    if not isinstance(row, Bad):
        return recognise(row, rules.fields)
    return read_doubtful(data, rules.fields, row) if row.code in CODES else row


def mended(data: bytes) -> bytes:
    """Return a line as UTF-8 where that is certain: without the byte order mark of a joined file.

    A line that cannot be one of UTF-8 and can well be one of windows-1252 is that.
    """
    data = data.removeprefix(BOM)
    if data.isascii():
        return data
    text = text_of(data)
    return data if text is None else text.encode()


def mendings(block: Block) -> Counter[str]:
    """Count the lines of a block that are read otherwise than they stand there, by how."""
    found: Counter[str] = Counter()
    for _, line in block.lines():
        data = line.data or b""
        if data.startswith(BOM):
            found["mark"] += 1
        if mended(data) != data.removeprefix(BOM):
            found["western"] += 1
    return found


def strict(data: bytes, max_depth: int) -> Any:
    """Return the parsed value, or a `Bad`: no NaN, no infinity, no key twice, no lone surrogate."""
    try:
        row = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        return _too_deep(max_depth) if "depth limit" in error.msg else _explain(data, error)
    if data.count(b"{") + data.count(b"[") > max_depth and _deeper(row, max_depth):
        return _too_deep(max_depth)
    if _may_repeat(data, row) and (key := _repeated(data)) is not None:
        return Bad("repeated_key", f"the key {key[:60]!r} stands twice", "keep one of them")
    return row


def _may_repeat(data: bytes, row: Any) -> bool:
    """Say whether a key may stand twice; wrong suspicions cost time only.

    A repeated key is gone from what was parsed, so the text made of that has fewer quotes. Inside a
    text a quote counts on both sides, unless it was written as a number.
    """
    return data.count(b'"') != orjson.dumps(row).count(b'"') or b"\\u0022" in data


def _too_deep(limit: int) -> Bad:
    return Bad("too_deep", f"brackets nest deeper than {limit}", "flatten the row")


def _deeper(value: Any, limit: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return limit == 0 or any(_deeper(item, limit - 1) for item in inner)


def _repeated(data: bytes) -> str | None:
    """Return a key that stands twice in one object; the quick count only suspects it."""
    found: list[str] = []

    def watch(pairs: list[tuple[str, Any]]) -> JsonObject:
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                found.append(key)
            seen.add(key)
        return dict(pairs)

    json.loads(data, object_pairs_hook=watch)
    return found[0] if found else None


def _explain(data: bytes, error: orjson.JSONDecodeError) -> Bad:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as wrong:
        return Bad("not_utf8", f"byte {wrong.start + 1} of the line is not UTF-8", "save as UTF-8")
    reason = error.msg.split(": line")[0]
    place = f"column {error.pos + 1}"
    if "surrogate" in reason:
        return Bad("lone_surrogate", f"half of a surrogate pair ({place})", "write the character")
    if "infinity" in reason or re.search(
        rb"\b(NaN|-?Infinity)\b", data[error.pos : error.pos + 10]
    ):
        return Bad(
            "not_finite", f"a number that is not finite ({place})", "write null or leave it out"
        )
    if "after document" in reason:
        return Bad(
            "several_values", f"more than one value on the line ({place})", "one object a line"
        )
    return Bad("bad_json", f"{reason} ({place})", "mend the line; a JSON checker shows the place")
