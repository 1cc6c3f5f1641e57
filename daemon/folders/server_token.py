"""`server.token`: creates and reads the token that HTTP requests must carry, if required."""

import os
import secrets
from pathlib import Path

from daemon.errors import UserFault
from daemon.folders.disk import atomic
from daemon.layout import Layout

SHORTEST = 16


def read_or_make(layout: Layout) -> str:
    """Return the token; the first time it is created, readable by its owner only.

    Raises:
        UserFault: others can read it, or it is not a token.
    """
    path = layout.server_token
    if not path.exists():
        with atomic.replacing(path) as temporary:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(secrets.token_urlsafe(32) + "\n")
    if path.stat().st_mode & 0o077:
        raise UserFault("token_open", f"others can read {path}: chmod 600 it, or remove it")
    return _read(path)


def read(layout: Layout) -> str | None:
    """Return the token for clients of the server; None if there is no file.

    Raises:
        UserFault: it is not a token.
    """
    return _read(layout.server_token) if layout.server_token.exists() else None


def _read(path: Path) -> str:
    try:
        token = path.read_text(encoding="ascii").strip()
    except UnicodeDecodeError:
        token = ""
    if len(token) < SHORTEST or not token.isprintable() or " " in token:
        raise UserFault(
            "token_unusable", f"{path} has no token: {SHORTEST} or more characters, one line"
        )
    return token
