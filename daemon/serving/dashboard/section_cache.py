"""Keeps what was made of files until they change; knows no section of the page."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from daemon.errors import DaemonFault

Section = dict[str, Any]

UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, DaemonFault)
"""What reading a damaged file, or one that goes away meanwhile, may raise."""


class SectionCache:
    """One section of the page, made anew when its sign has changed."""

    def __init__(self) -> None:
        self._sign: object = self
        self._section: Section = {}

    def get(self, sign: object, make: Callable[[], Section]) -> Section:
        """Return the section; the same object as before while the sign is equal.

        What cannot be read becomes `problem`, a sentence on the page, and is tried again.
        """
        if sign == self._sign:
            return self._section
        try:
            self._section, self._sign = make(), sign
        except UNREADABLE as error:
            self._section = {"problem": f"this cannot be shown now: {error!r}"}
            self._sign = self
        return self._section


def sign_of(*paths: Path) -> tuple[tuple[int, int, int] | None, ...]:
    """Return what changes when one of some files or folders does."""
    return tuple(map(_sign, paths))


def _sign(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
