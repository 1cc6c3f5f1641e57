"""The service of a workspace's daemon: its name, command and paths, for any service manager."""

import hashlib
import re
from dataclasses import dataclass

STOP_S = 90
"""Seconds a manager waits for the daemon to exit: more than `trainer.stop_s` can be."""

HASH_DIGITS = 12
SLUG_CHARS = 40


@dataclass(frozen=True)
class Service:
    """The daemon of one workspace; all paths are absolute."""

    name: str
    root: str
    argv: tuple[str, ...]


def service_name(root: str) -> str:
    """Return the service name of a workspace: its folder's name and a hash of its path."""
    folder = root.rstrip("/").rsplit("/", 1)[-1].lower()
    slug = re.sub(r"[^a-z0-9]+", "-", folder)[:SLUG_CHARS].strip("-")
    digest = hashlib.sha256(root.encode(errors="surrogateescape")).hexdigest()[:HASH_DIGITS]
    return f"{slug}-{digest}" if slug else digest


def not_carried(text: str) -> str | None:
    """Return the first character that a service file cannot contain; None if there is none.

    These are control characters, bytes that are not UTF-8, and Unicode noncharacters.
    """
    return next((char for char in text if not _carried(char)), None)


def _carried(char: str) -> bool:
    code = ord(char)
    control = code < 0x20 or 0x7F <= code < 0xA0
    surrogate = 0xD800 <= code < 0xE000
    noncharacter = 0xFDD0 <= code < 0xFDF0 or code & 0xFFFE == 0xFFFE
    return not (control or surrogate or noncharacter)
