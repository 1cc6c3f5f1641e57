"""Placeholder rows: pass rows that could not be converted to JSON on to where rows are refused."""

import json

from daemon.core.records import JsonObject
from daemon.core.rows.refusal import Bad

KEY = "unreadable_row"
START = b'{"unreadable_row"'


def record_of(bad: Bad, raw: str) -> JsonObject:
    """Return the placeholder of such a row."""
    return {KEY: {"code": bad.code, "message": bad.message, "hint": bad.hint}, "raw": raw}


def raw_of(data: bytes | None) -> bytes | None:
    """Return the row in its original form, from the line of its placeholder."""
    if data is None or not data.startswith(START):
        return data
    try:
        row = json.loads(data)
    except ValueError:
        return data
    return data if refusal_in(row) is None else str(row["raw"]).encode()


def refusal_in(row: JsonObject) -> Bad | None:
    """Return why a row could not be read; None for every other row."""
    found = row.get(KEY)
    if not isinstance(found, dict) or set(row) != {KEY, "raw"}:
        return None
    words = [found.get(name) for name in ("code", "message", "hint")]
    if not all(isinstance(word, str) for word in words):
        return None
    return Bad(*map(str, words))
