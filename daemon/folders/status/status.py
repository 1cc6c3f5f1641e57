"""`status/`: writes the status document, the events and the metrics; no decision reads them back.

They are replaced atomically but not synced, and a full or broken disk for them never stops the
daemon.
"""

import json
import math
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from daemon.core.records import JsonObject
from daemon.folders.disk import atomic
from daemon.layout import Layout

RESERVE_BYTES = 2**20
LONGEST = 2000
TAIL_BYTES = 64 * 1024
"""Bytes; longer than any event."""


class StatusFolder:
    """The three files of `status/`, each one line a document."""

    def __init__(self, layout: Layout, max_bytes: int, keep: int) -> None:
        self._layout = layout
        self._max_bytes = max_bytes
        self._keep = keep
        self.problem: str | None = None
        """Why the last write failed; None after one that did not."""

    def make_folders(self) -> None:
        """Create the folder, and the reserve with which a full disk can still be reported."""
        atomic.make_directory(self._layout.status)
        atomic.purge_leftovers(self._layout.status)
        self.reserve()

    def reserve(self) -> None:
        """Allocate the reserve again, where there is space."""
        path = self._layout.status / ".reserve"
        if not path.exists():
            with suppress(OSError):
                atomic.replace_volatile(path, b"\0" * RESERVE_BYTES)

    def release_reserve(self) -> None:
        """Free the reserve, so that the status can say that the disk is full."""
        with suppress(OSError):
            (self._layout.status / ".reserve").unlink()

    def newest_seq(self) -> int:
        """Return the number of the last event, 0 if none can be read; later ones are higher."""
        path = self._layout.events_file
        for log in (path, path.with_name(f"{path.name}.1")):
            with suppress(OSError, ValueError, KeyError, TypeError), log.open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
                # The last line may be torn after a power cut; the lines before it are intact.
                lines = [line for line in file.read().split(b"\n") if line.endswith(b"}")]
                if lines:
                    return int(json.loads(lines[-1])["seq"])
        return 0

    def publish(self, document: JsonObject) -> None:
        """Replace the status document."""
        try:
            self._make(self._layout.status)
            atomic.replace_volatile(self._layout.status_file, strict_line(document))
            self.problem = None
        except OSError as error:
            self.problem = str(error)

    def event(self, record: JsonObject) -> None:
        """Append one event."""
        self._append(self._layout.events_file, record)

    def metrics(self, record: JsonObject) -> None:
        """Append the metrics of one step."""
        self._append(self._layout.metrics_file, record)

    def run_event(self, run: str, record: JsonObject) -> None:
        """Append to a run's own log."""
        self._append(self._layout.run_log(run), record)

    def _append(self, path: Path, record: JsonObject) -> None:
        try:
            self._make(path.parent)
            self._rotate(path)
            atomic.append_line(path, strict_line(record))
        except OSError as error:
            self.problem = str(error)

    def _make(self, folder: Path) -> None:
        """Create a folder again that was removed, but not a removed workspace.

        Raises:
            FileNotFoundError: the workspace is gone.
        """
        if not self._layout.root.is_dir():
            raise FileNotFoundError(f"{self._layout.root} is gone")
        atomic.make_directory(folder)

    def _rotate(self, path: Path) -> None:
        with suppress(FileNotFoundError):
            if path.stat().st_size >= self._max_bytes:
                atomic.rotate(path, self._keep)


def strict_line(record: JsonObject) -> bytes:
    """Return a record as one line of strict JSON: no NaN, no raw control character."""
    return json.dumps(_strict(record), ensure_ascii=True, allow_nan=False).encode() + b"\n"


def _strict(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(key): _strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(item) for item in value]
    if isinstance(value, str) and len(value) > LONGEST:
        return value[:LONGEST] + "…"
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return value
