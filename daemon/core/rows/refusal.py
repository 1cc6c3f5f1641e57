"""Why a row cannot be used, and what is kept of it; knows no format."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bad:
    """Why a row cannot be used."""

    code: str
    message: str
    hint: str


LONGEST_RAW = 64 * 1024
"""A longer row is not repeated in `rejected.jsonl`, in bytes; the original keeps it."""


def raw_text(data: bytes | None) -> str | None:
    """Return a row as `rejected.jsonl` repeats it; None where it is too long or not UTF-8."""
    if data is None or len(data) > LONGEST_RAW:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None
