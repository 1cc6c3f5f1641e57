"""Reads rows with a number that is not finite or a repeated key, if that part is not used."""

import json
import math
from dataclasses import replace
from typing import Any

import orjson

from daemon.core.records import JsonObject
from daemon.core.rows.formats import Fields, Good, recognise
from daemon.core.rows.refusal import Bad

CODES = ("not_finite", "repeated_key")
LONGEST_NUMBER = 18
"""Digits that every program reads as one whole number."""
MARK = "(not a number that every program reads)"


def read_doubtful(data: bytes, fields: Fields, why: Bad) -> Good | Bad:
    """Return the example of a row, if it is the same whatever the doubtful part is taken for.

    Read once with nothing in place of each such number and the last of two keys, and once with a
    text and the first: what differs is not what is learned.
    """
    one, other = _loaded(data, None, last=True), _loaded(data, MARK, last=False)
    if not isinstance(one, dict) or not isinstance(other, dict):
        return why
    found, again = recognise(one, fields), recognise(other, fields)
    if isinstance(found, Bad) or isinstance(again, Bad) or found.example != again.example:
        return why
    doubtful = tuple(key for key in one if one[key] != other.get(key))
    reading = found.reading
    unread = tuple(dict.fromkeys((*reading.unread, *doubtful)))
    metadata = tuple(key for key in reading.metadata if key not in doubtful)
    return replace(found, reading=replace(reading, unread=unread, metadata=metadata))


def _loaded(data: bytes, mark: str | None, last: bool) -> Any:
    """Return the value of a line with a mark for what is no number; None if it is no JSON."""

    def number(text: str) -> Any:
        value = float(text)
        return value if math.isfinite(value) else mark

    def whole(text: str) -> Any:
        return int(text) if len(text) <= LONGEST_NUMBER else number(text)

    def pairs(found: list[tuple[str, Any]]) -> JsonObject:
        return dict(found if last else reversed(found))

    try:
        value = json.loads(
            data,
            parse_constant=lambda name: mark,
            parse_float=number,
            parse_int=whole,
            object_pairs_hook=pairs,
        )
        # Halves of surrogate pairs come through above, and could not be written.
        orjson.dumps(value)
    except (ValueError, RecursionError, TypeError):
        return None
    return value
