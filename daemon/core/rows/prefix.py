"""A named instruction text that is put before prompts; knows no template and no settings."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

NONE = "none"
"""In place of a name: no prefix."""


@dataclass(frozen=True, slots=True)
class Prefix:
    """A text as it was when it was chosen; the settings may give the name another one later."""

    name: str
    text: str

    def as_record(self) -> dict[str, str]:
        """Return plain JSON values."""
        return {"name": self.name, "text": self.text}

    @classmethod
    def from_record(cls, record: Mapping[str, Any] | None) -> Self | None:
        """Return what `as_record` gave; None where there was no prefix.

        Raises:
            KeyError, TypeError: not the record of a prefix.
        """
        return None if record is None else cls(record["name"], record["text"])


def fingerprint_of(prefix: Prefix | None) -> str:
    """Return the SHA-256 of name and text; `none` without a prefix."""
    if prefix is None:
        return NONE
    return hashlib.sha256(f"{prefix.name}\n{prefix.text}".encode()).hexdigest()


def record_of(prefix: Prefix | None) -> dict[str, str] | None:
    """Return plain JSON values; None without a prefix."""
    return None if prefix is None else prefix.as_record()
