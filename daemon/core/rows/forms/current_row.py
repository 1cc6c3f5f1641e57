"""The row being read: its values by meaning, and which of them were used so far."""

from dataclasses import dataclass, field
from typing import Any

from daemon.core.records import JsonObject
from daemon.core.rows.chat_rows import Names
from daemon.core.rows.forms.names import LONG_METADATA, Meaning
from daemon.core.rows.forms.plans import RowPlan
from daemon.core.rows.readings import Note, Reading

FORMS = (
    '{"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}, '
    '{"prompt": "…", "completion": "…"} or {"text": "…"}'
)
EMPTY: tuple[object, ...] = ("", [], {}, ())


def is_empty(value: Any) -> bool:
    """Return whether a value is empty."""
    return value is None or (not value.strip() if isinstance(value, str) else value in EMPTY)


@dataclass
class CurrentRow:
    """A row, and what was read of it so far."""

    row: JsonObject
    plan: RowPlan
    names: Names
    keep_reasoning: bool
    train_chosen: bool
    used: list[str] = field(default_factory=list)
    answer_keys: list[str] = field(default_factory=list)
    agreeing: set[str] = field(default_factory=set)
    """Keys that only repeat what was read elsewhere in the row."""
    notes: list[Note] = field(default_factory=list)
    more_unread: list[str] = field(default_factory=list)
    """Keys within messages that were not read."""

    def keys(self, *meanings: Meaning) -> list[str]:
        """Return the non-empty keys with one of the meanings."""
        found = (key for meaning in meanings for key in self.plan.keys(meaning))
        return [key for key in found if not is_empty(self.row[key])]

    def use(self, key: str) -> Any:
        """Return the value of a key, and mark the key as used."""
        if key not in self.used:
            self.used.append(key)
        return self.row[key]

    def use_answer(self, key: str) -> Any:
        """Return the value of a key, and mark it as used for the answer."""
        if key not in self.answer_keys:
            self.answer_keys.append(key)
        return self.row[key]

    def note(self, note: Note) -> None:
        """Record that something was read in a special way."""
        if note not in self.notes:
            self.notes.append(note)

    def unread(self) -> list[str]:
        """Return the keys with content that was not read, including metadata with long texts."""
        known = {*self.used, *self.answer_keys, *self.agreeing}
        known.update(self.plan.keys("group"), self.plan.keys("variant_of"))
        return [key for key in self.row if key not in known and self._has_content(key)]

    def _has_content(self, key: str) -> bool:
        value = self.row[key]
        if key in self.plan.keys("metadata"):
            return _is_long(value)
        # `turns` may count them.
        counts = key in self.plan.keys("messages") and isinstance(value, int)
        return not counts and not is_empty(value)

    def reading(self) -> Reading:
        """Return what became of the keys."""
        unread = self.unread()
        used = [key for key in self.row if key in self.used]
        sides = (" + ".join(used), " + ".join(self.answer_keys))
        metadata = tuple(key for key in self.plan.keys("metadata") if key not in unread)
        taken = " -> ".join(filter(None, sides))
        return Reading(taken, metadata, (*unread, *self.more_unread), tuple(self.notes))


def _is_long(value: Any) -> bool:
    return isinstance(value, str) and len(value) >= LONG_METADATA
