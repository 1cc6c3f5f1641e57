"""Converts a parsed row of any known form into an example, or says why it cannot."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from daemon.core.records import JsonObject
from daemon.core.rows.chat_rows import OPENAI, Names
from daemon.core.rows.examples import Example
from daemon.core.rows.forms.current_row import FORMS, CurrentRow
from daemon.core.rows.forms.exports import Plain, plain_of
from daemon.core.rows.forms.names import FieldName
from daemon.core.rows.forms.plain import plain_row
from daemon.core.rows.forms.plans import RowPlan, plan_of
from daemon.core.rows.forms.reading import message_alone, read_row
from daemon.core.rows.readings import NOTHING, Reading
from daemon.core.rows.refusal import Bad

PAIR = '{"prompt": "\u2026", "completion": "\u2026"}'

__all__ = ["DEFAULT", "FORMS", "FieldName", "Fields", "Good", "recognise"]

DEEPEST_EXPORT = 3
"""How deeply exports may be nested."""


@dataclass(frozen=True)
class Fields:
    """How rows are read: the user's own names of keys, reasoning, preferences."""

    own: Mapping[FieldName, str] = field(default_factory=dict)
    keep_reasoning: bool = True
    """Reasoning before an answer is trained with it."""
    train_chosen: bool = False
    """Of preference data, the chosen answers are trained."""

    @cached_property
    def names(self) -> tuple[tuple[FieldName, str], ...]:
        """The user's names in a fixed order."""
        return tuple(sorted(self.own.items()))

    @cached_property
    def message(self) -> Names:
        """The keys of a message."""
        return Names(self.own.get("role", OPENAI.role), self.own.get("content", OPENAI.text))


DEFAULT = Fields()


@dataclass(frozen=True, slots=True)
class Good:
    """A row's example, and the name of the row's form."""

    example: Example
    form: str
    reading: Reading = field(default=NOTHING, compare=False)


def recognise(row: Any, fields: Fields = DEFAULT) -> Good | Bad:
    """Return the example of a parsed row."""
    return _recognise(row, fields, DEEPEST_EXPORT)


def _recognise(row: Any, fields: Fields, deepest: int) -> Good | Bad:
    if not isinstance(row, dict):
        if not isinstance(row, list) or not row or not isinstance(row[0], dict):
            return _not_an_object(row)
        row = {"messages": row}
    elif None in row.values():
        row = {key: value for key, value in row.items() if value is not None}
    plan = plan_of(tuple(row), fields.names)
    if ("role" in row or "from" in row or "speaker" in row) and not fields.own:
        alone = message_alone(row) if plan.shape in ("text", "other") else None
        if alone is not None:
            return alone
    if plan.shape != "other":
        plain = plain_row(row, plan, fields.message, fields.keep_reasoning)
        if plain is not None:
            return Good(*plain)
    if plan.nested and deepest and any(isinstance(row[key], dict | list) for key in plan.nested):
        inner = plain_of(row)
        if isinstance(inner, Bad):
            return inner
        if inner is not None:
            return _unwrapped(row, plan, inner, fields, deepest)
    return _read(row, plan, fields)


def _not_an_object(row: object) -> Bad:
    """Refuse a row without keys: a text, or a list, says not what is a question or an answer."""
    kind, form = "null" if row is None else "a single value", FORMS
    if isinstance(row, str):
        kind, form = "a text alone", f'{{"text": "\u2026"}} to train it as text, else {PAIR}'
    elif isinstance(row, list):
        kind = f"a list of {len(row)}"
        form = f"{PAIR} for a question and its answer" if len(row) == 2 else FORMS
    return Bad("not_an_object", f"the row is {kind}, not an object with keys", f"write {form}")


def _read(row: JsonObject, plan: RowPlan, fields: Fields) -> Good | Bad:
    group = row.get("group") if "group" in row else row.get(fields.own.get("group", "group"))
    if group is not None and not isinstance(group, str):
        hint = "give all variants of an example the same one"
        return Bad("bad_group", "'group' is not a string", hint)
    original = next((row[key] for key in plan.keys("variant_of")), None)
    if original is not None and (not isinstance(original, str) or not original.strip()):
        hint = "write the first question of the example that the row is a variant of"
        return Bad("bad_variant_of", "'variant_of' is not a string", hint)
    held = CurrentRow(row, plan, fields.message, fields.keep_reasoning, fields.train_chosen)
    found = read_row(held)
    if isinstance(found, Bad):
        return found
    example, form = found
    if group is not None or original is not None:
        example = replace(example, group=group, variant_of=original)
    return Good(example, form, held.reading())


def _unwrapped(
    row: JsonObject, plan: RowPlan, plain: Plain, fields: Fields, deepest: int
) -> Good | Bad:
    found = _recognise(plain.row, fields, deepest - 1)
    if isinstance(found, Bad):
        return found
    rest = {key: value for key, value in row.items() if key not in plain.consumed}
    outer = CurrentRow(rest, plan_of(tuple(rest), fields.names), OPENAI, True, False).reading()
    inner = found.reading
    metadata = tuple(key for key in outer.metadata if key not in inner.metadata)
    reading = Reading(
        f"{plain.form}: {inner.taken}",
        (*inner.metadata, *metadata),
        (*inner.unread, *outer.unread),
        tuple(dict.fromkeys((*plain.notes, *inner.notes))),
    )
    form = plain.form if plain.form not in ("row", "messages") else found.form
    return Good(found.example, form, reading)
