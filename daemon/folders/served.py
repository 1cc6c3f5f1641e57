"""`served/`: the server's own files of usage figures and feedback, append-only and bounded."""

import json
from typing import Literal

from daemon.core.records import JsonObject
from daemon.folders.disk import atomic
from daemon.layout import Layout

MOST_BYTES = 4 * 2**20
ROTATED = 4
"""Older files of a kind that are kept beside the current one."""

File = Literal["usage", "feedback", "examples"]


def append(layout: Layout, file: File, records: list[JsonObject]) -> None:
    """Append lines to `served/<file>.jsonl`; a full file is rotated first.

    Raises:
        OSError: nothing can be written.
    """
    folder = layout.served
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{file}.jsonl"
    lines = b"".join(json.dumps(record).encode() + b"\n" for record in records)
    if path.exists() and path.stat().st_size + len(lines) > MOST_BYTES:
        atomic.rotate(path, ROTATED)
    atomic.append_line(path, lines)
