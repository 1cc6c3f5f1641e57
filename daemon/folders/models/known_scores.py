"""`models/evaluations/known/`: cached scores and answers of models; it may be deleted.

One file per model, one JSON object per line, `{"key": …, "found": …}`. A line that cannot be read
is ignored: its item is scored again.
"""

import json
import os
from collections.abc import Mapping

from daemon.core.records import JsonObject
from daemon.folders.disk import atomic
from daemon.layout import Layout

MOST_MODELS = 8
"""More models than a run compares; the most recently used files stay."""

MOST_BYTES = 16 * 2**20
"""A file that grows beyond this size is started anew."""


class KnownScores:
    """The cached scores of one workspace."""

    def __init__(self, layout: Layout) -> None:
        self._folder = layout.known_scores

    def known(self, model: str) -> JsonObject:
        """Return the cached results of a model, by item key."""
        path = self._folder / f"{model}.jsonl"
        found: JsonObject = {}
        try:
            lines = path.read_bytes().splitlines()
        except FileNotFoundError:
            return found
        for line in lines:
            try:
                record = json.loads(line)
                found[record["key"]] = record["found"]
            except (ValueError, KeyError, TypeError):
                continue
        os.utime(path)
        return found

    def keep(self, model: str, found: Mapping[str, object]) -> None:
        """Add results of a model."""
        if not found:
            return
        atomic.make_directory(self._folder)
        path = self._folder / f"{model}.jsonl"
        if path.exists() and path.stat().st_size > MOST_BYTES:
            atomic.remove_file(path)
        fresh = not path.exists()
        for key, one in found.items():
            line = json.dumps({"key": key, "found": one}, ensure_ascii=True)
            atomic.append_line(path, line.encode() + b"\n")
        if fresh:
            self._forget_old()

    def _forget_old(self) -> None:
        files = sorted(self._folder.glob("*.jsonl"), key=lambda path: path.stat().st_mtime_ns)
        for path in files[:-MOST_MODELS]:
            atomic.remove_file(path)
