"""Reads `status/` for commands that show it to people; the daemon never reads it back."""

import json
import os
from pathlib import Path
from typing import Any

from daemon.layout import Layout


def read_status(layout: Layout) -> dict[str, Any] | None:
    """Return the status document; None where there is none that can be read."""
    try:
        document = json.loads(layout.status_file.read_bytes())
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None


class Events:
    """Follows `status/events.jsonl` from its present end on, also when it is rotated."""

    def __init__(self, layout: Layout) -> None:
        self._path = layout.events_file
        self._inode, self._offset = self._end()

    def _end(self) -> tuple[int, int]:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return 0, 0
        return found.st_ino, found.st_size

    def new(self) -> list[dict[str, Any]]:
        """Return the events written since the last call."""
        events: list[dict[str, Any]] = []
        inode, size = self._end()
        if inode != self._inode:
            rotated = self._path.with_name(f"{self._path.name}.1")
            if self._inode and rotated.exists() and rotated.stat().st_ino == self._inode:
                events += self._read(rotated)
            self._inode, self._offset = inode, 0
        if size > self._offset:
            events += self._read(self._path)
        return events

    def _read(self, path: Path) -> list[dict[str, Any]]:
        with path.open("rb") as file:
            file.seek(self._offset, os.SEEK_SET)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        return [event for line in whole.splitlines() if (event := _event(line)) is not None]


def _event(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None
