"""Caches what was computed from files until they change."""

import os
from collections.abc import Callable
from pathlib import Path

from daemon.core.records import JsonObject
from daemon.errors import DaemonFault

Section = JsonObject

UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, DaemonFault)
"""What reading a damaged or vanishing file may raise."""


class SectionCache:
    """One section of the page, rebuilt when its signature changes."""

    def __init__(self) -> None:
        self._signature: object = self
        self._section: Section = {}

    def get(self, signature: object, build: Callable[[], Section]) -> Section:
        """Return the section; the same object as before while the signature is equal.

        What cannot be read becomes `problem`, a sentence on the page, and is retried.
        """
        if signature == self._signature:
            return self._section
        try:
            self._section, self._signature = build(), signature
        except UNREADABLE as error:
            self._section = {"problem": f"this cannot be shown now: {error!r}"}
            self._signature = self
        return self._section


def signature_of(*paths: Path) -> tuple[tuple[int, int, int] | None, ...]:
    """Return a signature that changes when any of these files or folders does."""
    return tuple(map(_signature, paths))


def _signature(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
