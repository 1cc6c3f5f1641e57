"""Reads the questions of `evals/`: what no row may be trained on, whatever job it comes in."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from daemon.core.examples import Chat, Example, Turn
from daemon.core.formats import recognise
from daemon.core.refusal import Bad
from daemon.dedup.boilerplate import Boilerplate
from daemon.dedup.index import Earlier, Index
from daemon.dedup.sealing import Sealer, exam_keys, question_of
from daemon.dedup.segments import Segment
from daemon.folders.fingerprints import Keys

QUESTION_KEYS = ("prompt", "question", "input", "instruction")
SHARED = 0.5
"""Text that more than this share of a suite's questions has is boilerplate."""

HEADER_KEYS = frozenset({"suite", "task", "scorer", "answer_field", "licence", "license", "origin"})


class Suites:
    """The items of all suites; read again when a file of them changes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._signature: tuple[tuple[str, int, int], ...] | None = None
        self._items: dict[str, dict[int, Example]] = {}
        self._index = Index([])
        self.unreadable: tuple[str, ...] = ()
        """Lines that are no item, as `file:line`; none of them can be guarded."""

    def index(self) -> Index:
        """Return the questions of all suites."""
        files = sorted(self._folder.glob("*.jsonl")) if self._folder.is_dir() else []
        stats = ((path.name, path.stat()) for path in files)
        signature = tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in stats)
        if signature != self._signature:
            self._read(files)
            self._signature = signature
        return self._index

    def item(self, earlier: Earlier) -> Example | None:
        """Return an item of a suite."""
        return self._items.get(earlier.job, {}).get(earlier.line)

    def _read(self, files: list[Path]) -> None:
        sealer = Sealer()
        self._items = {}
        bad: list[str] = []
        keys: list[Keys] = []
        for path in files:
            items = self._items[f"evals/{path.name}"] = dict(_items_of(path, bad))
            questions = [question_of(item) for item in items.values()]
            shared = Boilerplate.find([question.words for question in questions], SHARED)
            found = exam_keys(sealer, questions, shared)
            found["line"] = np.tile(
                np.array(list(items), np.uint32), len(found) // max(1, len(items))
            )
            keys.append(found)
        self.unreadable = tuple(bad)
        self._index = Index([Segment.build(list(self._items), keys)])


def _items_of(path: Path, bad: list[str]) -> Iterator[tuple[int, Example]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                item = _item(orjson.loads(line))
            except orjson.JSONDecodeError:
                item = None
            if item is not None:
                yield number, item
            elif number > 1 or not _is_header(line):
                bad.append(f"{path.name}:{number}")


def _is_header(line: bytes) -> bool:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return isinstance(row, dict) and bool(HEADER_KEYS & set(row))


def _item(row: Any) -> Example | None:
    """Return an item as an example; one without an answer has only its question."""
    found = recognise(row)
    if not isinstance(found, Bad):
        return found.example
    if not isinstance(row, dict):
        return None
    messages = row.get("messages")
    if isinstance(messages, list):
        asked = [
            m.get("content") for m in messages if isinstance(m, dict) and m.get("role") == "user"
        ]
    else:
        asked = [row[key] for key in QUESTION_KEYS if key in row][:1]
    texts = [text for text in asked if isinstance(text, str) and text.strip()]
    return Chat(tuple(Turn("user", text) for text in texts)) if texts else None
