"""Counts how the rows of a file were read: by which keys, and what of them was not read."""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypedDict

import orjson

from daemon.analysis.secrets import mask
from daemon.core.records import JsonObject
from daemon.core.rows.formats import Good
from daemon.core.rows.readings import Reading, note_sentence, unread_sentence
from daemon.core.workspace.jobs import escape

EXCERPT = 80
"""Characters of an example."""
MOST_KEYS = 20
"""Keys that are told one by one; of a file with a thousand, the rest is a number."""
MOST_READINGS = 1000
"""Different readings that are counted by themselves: a hostile file may have one a row."""


@dataclass
class _Unread:
    """A key that was not read."""

    line: int
    example: str
    rows: int = 0


class UnreadKey(TypedDict):
    """A key that was not read, as the report has it."""

    key: str
    rows: int
    line: int
    example: str


@dataclass
class ReadingCounts:
    """How often each reading was taken."""

    taken: Counter[tuple[str, tuple[str, ...]]] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    _unread: dict[str, _Unread] = field(default_factory=dict)
    _more: int = 0
    """Keys beyond the most that are told."""

    def add(self, found: Good, line: int, data: bytes) -> None:
        """Count a row that was read."""
        reading = found.reading
        self.taken[reading.taken, reading.metadata] += 1
        if reading.unread or reading.notes:
            self._add_rest(reading, line, data)
        if len(self.taken) > MOST_READINGS:
            self.taken = Counter(dict(self.taken.most_common(MOST_READINGS // 2)))

    def _add_rest(self, reading: Reading, line: int, data: bytes) -> None:
        self.notes.update(reading.notes)
        for key in reading.unread:
            known = self._unread.get(key)
            if known is None:
                if len(self._unread) >= MOST_READINGS:
                    self._more += 1
                    continue
                known = self._unread[key] = _Unread(line, _excerpt(data, key))
            known.rows += 1

    def _unread_keys(self) -> list[UnreadKey]:
        unread = sorted(self._unread.items(), key=lambda item: (-item[1].rows, item[0]))
        return [
            {
                "key": escape(key, 60),
                "rows": found.rows,
                "line": found.line,
                "example": found.example,
            }
            for key, found in unread[:MOST_KEYS]
        ]

    def record(self) -> JsonObject:
        """Return what the report keeps."""
        metadata: Counter[str] = Counter()
        taken: Counter[str] = Counter()
        for (keys, names), count in self.taken.items():
            taken[keys] += count
            metadata.update(dict.fromkeys(names, count))
        return {
            "taken": {escape(keys, 200): count for keys, count in taken.most_common(MOST_KEYS)},
            "metadata": {escape(key, 60): n for key, n in metadata.most_common(MOST_KEYS)},
            "unread": self._unread_keys(),
            "notes": dict(self.notes),
        }

    def sentences(self) -> list[str]:
        """Return what is to be said of the rows, a sentence each."""
        found = [
            unread_sentence(item["key"], item["rows"], f"line {item['line']}", item["example"])
            for item in self._unread_keys()
        ]
        more = len(self._unread) - MOST_KEYS
        if more > 0 or self._more:
            found.append(f"{max(more, 0) + self._more:,} other keys are not read either")
        return found + [note_sentence(note, count) for note, count in self.notes.items()]


def _excerpt(data: bytes, key: str) -> str:
    """Return the beginning of what a key holds in a line, made safe to show."""
    value: Any = None
    with suppress(orjson.JSONDecodeError):
        value = _found(orjson.loads(data), key.removeprefix("messages[]."), 0)
    text = (
        value
        if isinstance(value, str)
        else "…"
        if value is None
        else orjson.dumps(value, default=str).decode("utf-8", "replace")
    )
    return escape(mask(text[: EXCERPT * 4]), EXCERPT)


DEEPEST = 6


def _found(value: Any, key: str, depth: int) -> Any:
    """Return the first value of a key, however deep it stands in a row."""
    if depth > DEEPEST:
        return None
    if isinstance(value, dict):
        if value.get(key) is not None:
            return value[key]
        inner = list(value.values())
    else:
        inner = value if isinstance(value, list) else []
    return next((found for item in inner if (found := _found(item, key, depth + 1))), None)
