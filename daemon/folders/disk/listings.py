"""Cached directory listings, which the owner of a directory updates with its own moves."""

import os
from bisect import bisect_left
from dataclasses import dataclass
from pathlib import Path
from re import Pattern

from daemon.clock import Clock

TRUST_S = 10.0
"""A directory is read again after this time even if it looks unchanged, in seconds."""


class Listings:
    """The sorted names that match a pattern, for each directory requested so far.

    A directory is read when it has changed, and every few seconds in any case. Its owner's own
    changes are noted instead: reading thousands of names after each would be too slow.
    """

    def __init__(self, pattern: Pattern[str], clock: Clock) -> None:
        self._pattern = pattern
        self._clock = clock
        self._known: dict[Path, _Listing] = {}

    def names(self, folder: Path) -> tuple[str, ...]:
        """Return the names in a directory; the same object as long as nothing changes.

        Raises:
            OSError: it cannot be read.
        """
        changed_ns = folder.stat().st_mtime_ns
        now_s = self._clock.monotonic_s()
        known = self._known.get(folder)
        if known and known.changed_ns == changed_ns and now_s - known.read_s < TRUST_S:
            return known.names
        found = tuple(sorted(name for name in os.listdir(folder) if self._pattern.match(name)))
        self._known[folder] = _Listing(changed_ns, now_s, found)
        return found

    def added(self, path: Path) -> None:
        """Note that the owner has added this path."""
        self._note(path, there=True)

    def removed(self, path: Path) -> None:
        """Note that the owner has removed this path."""
        self._note(path, there=False)

    def _note(self, path: Path, there: bool) -> None:
        folder, name = path.parent, path.name
        known = self._known.get(folder)
        if known is None:
            return
        names, at = known.names, bisect_left(known.names, name)
        after = at + 1 if names[at : at + 1] == (name,) else at
        names = (*names[:at], *((name,) if there else ()), *names[after:])
        self._known[folder] = _Listing(folder.stat().st_mtime_ns, known.read_s, names)


@dataclass(frozen=True)
class _Listing:
    changed_ns: int
    """When the directory was last changed, by its own time."""
    read_s: float
    """When it was read, by the monotonic clock."""
    names: tuple[str, ...]
