"""`models/evaluations/known/`: what each model made of each item; a memory that may be deleted.

One file a model, one JSON object a line, `{"key": …, "found": …}`. A line that cannot be read is
as if it were not there: the item is scored again.
"""

import json
import os
from collections.abc import Mapping

from daemon.core.records import JsonObject
from daemon.folders.disk import atomic
from daemon.layout import Layout

MOST_MODELS = 8
"""More than a run compares with; the files that were used last stay."""

MOST_BYTES = 16 * 2**20
"""A file that has grown beyond is begun anew."""


class KnownScores:
    """What is remembered in one workspace."""

    def __init__(self, layout: Layout) -> None:
        self._folder = layout.known_scores

    def known(self, model: str) -> JsonObject:
        """Return what a model made of items, by their keys."""
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
        """Add what a model made of items."""
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
