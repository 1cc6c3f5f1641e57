"""Reads rows for tests: as turns, as a row that can be used, or as one that is refused."""

from typing import Any

from daemon.core.rows.examples import Chat
from daemon.core.rows.formats import DEFAULT, Fields, Good, recognise
from daemon.core.rows.refusal import Bad


def turns(row: Any, fields: Fields = DEFAULT) -> list[tuple[str, str]]:
    found = recognise(row, fields)
    assert isinstance(found, Good) and isinstance(found.example, Chat), found
    return [(turn.role, turn.content) for turn in found.example.turns]


def good(row: Any, fields: Fields = DEFAULT) -> Good:
    found = recognise(row, fields)
    assert isinstance(found, Good), found
    return found


def bad(row: Any, fields: Fields = DEFAULT) -> Bad:
    found = recognise(row, fields)
    assert isinstance(found, Bad), found
    return found
