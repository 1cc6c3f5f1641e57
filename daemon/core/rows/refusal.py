"""A refused row: code, reason, hint, and the row's text for `rejected.jsonl`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bad:
    """Why a row cannot be used."""

    code: str
    message: str
    hint: str


LONGEST_RAW = 64 * 1024
"""In bytes; a longer row is not copied into `rejected.jsonl`, only its place is."""


def raw_text(data: bytes | None) -> str | None:
    """Return a row as copied into `rejected.jsonl`; None if it is too long or not UTF-8."""
    if data is None or len(data) > LONGEST_RAW:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None
