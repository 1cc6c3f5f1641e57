"""Reads `status/` and `logs/` for people; the daemon never reads them back."""

import json
from pathlib import Path

from daemon.core.records import JsonObject
from daemon.core.status.shown import ShownStatus
from daemon.layout import Layout


def read_status(layout: Layout) -> ShownStatus | None:
    """Return the status document; None if it is missing or unreadable."""
    try:
        document: ShownStatus = json.loads(layout.status_file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


class Lines:
    """Follows a file of JSON lines across rotations; skips lines that are not objects."""

    def __init__(self, path: Path, back_bytes: int = 0) -> None:
        """Begin up to `back_bytes` before the current end, at the start of a line."""
        self._path = path
        self._inode, size = self._end()
        self._offset = self._line_after(max(0, size - back_bytes)) if back_bytes else size

    def _end(self) -> tuple[int, int]:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return 0, 0
        return found.st_ino, found.st_size

    def _line_after(self, offset: int) -> int:
        if offset == 0:
            return 0
        with self._path.open("rb") as file:
            file.seek(offset - 1)
            return offset - 1 + len(file.readline())

    def new(self) -> list[JsonObject]:
        """Return what was written since the last call."""
        records: list[JsonObject] = []
        inode, size = self._end()
        if inode != self._inode:
            rotated = self._path.with_name(f"{self._path.name}.1")
            if self._inode and rotated.exists() and rotated.stat().st_ino == self._inode:
                records += self._read(rotated)
            self._inode, self._offset = inode, 0
        if size > self._offset:
            records += self._read(self._path)
        return records

    def _read(self, path: Path) -> list[JsonObject]:
        with path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        return [record for line in whole.splitlines() if (record := _record(line)) is not None]


def _record(line: bytes) -> JsonObject | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None
