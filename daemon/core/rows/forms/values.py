"""Helps to read values: as text, repeated under several keys, or ambiguous between keys."""

from collections.abc import Sequence
from typing import Any

from daemon.core.rows.forms.current_row import CurrentRow
from daemon.core.rows.forms.parts import plain_text, stands_in
from daemon.core.rows.refusal import Bad

TextOrMessages = str | list[Any]
"""A text, or messages in its place."""


def ambiguous(keys: Sequence[str], known: str, what: str) -> Bad:
    """Refuse a row in which two keys may have the same meaning."""
    named = " and ".join(map(repr, keys[:3]))
    return Bad(
        "ambiguous_fields",
        f"{named} may each be the {what}",
        f'say which: fields = {{ {known} = "{keys[0]}" }} under [intake] of NAME.settings.toml, '
        f"or finetuned submit FILE --fields {known}={keys[0]}",
    )


def without_repetition(held: CurrentRow, keys: Sequence[str]) -> list[str]:
    """Leave out the keys whose text is contained in another one's."""
    texts = {key: (text_of(held.row[key]) or "").strip() for key in keys}
    kept: list[str] = []
    for key in keys:
        longer = any(
            stands_in(texts[key], texts[other]) and (texts[key] != texts[other] or other in kept)
            for other in keys
            if other != key
        )
        if longer and texts[key]:
            held.agreeing.add(key)
        else:
            kept.append(key)
    return kept


def text_of(value: Any) -> str | None:
    """Return a text, a number, or what the only item of a list or a list of text parts says."""
    text = plain_text(value)
    if text is not None:
        return text
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        return value[0]
    if isinstance(value, list) and value and all(_is_text_part(item) for item in value):
        return "".join(item["text"] for item in value)
    return None


def _is_text_part(item: Any) -> bool:
    return (
        isinstance(item, dict)
        and set(item) <= {"type", "text"}
        and isinstance(item.get("text"), str)
    )
