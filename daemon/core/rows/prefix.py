"""Prefixes: named instruction texts before the prompts."""

import hashlib
from dataclasses import dataclass

NONE = "none"
"""In place of a name: no prefix."""


@dataclass(frozen=True, slots=True)
class Prefix:
    """A prefix as it was when it was chosen; the settings may change its text later."""

    name: str
    text: str


def fingerprint_of(prefix: Prefix | None) -> str:
    """Return the SHA-256 of name and text; `none` without a prefix."""
    if prefix is None:
        return NONE
    return hashlib.sha256(f"{prefix.name}\n{prefix.text}".encode()).hexdigest()
