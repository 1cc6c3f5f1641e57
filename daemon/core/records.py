"""Typed records: from JSON values to values of a class and back, the one place for both.

Keys that a release does not know are left out of what it works with; keys that another release
did not write yet have the default of their field. What is written again keeps the former.
"""

from dataclasses import dataclass, field, replace
from keyword import iskeyword
from typing import Any, TypeVar

import msgspec

Kind = TypeVar("Kind")

JsonObject = dict[str, Any]
"""An object whose keys are not fixed here: settings as they were saved, or another's record."""


class RecordError(ValueError):
    """A record that this release cannot read; the message names where in it."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """A record that is a file of its own, and may be written again after it was read."""

    as_read: JsonObject = field(default_factory=dict, repr=False, compare=False)
    """How it lay on the disk, with what this release does not know; empty for a new one."""
    schema_version: int = 1


def from_json_value(value: object, kind: type[Kind]) -> Kind:
    """Return a JSON value as a value of a class.

    Raises:
        RecordError: a key is missing, a value has another type, or a newer release wrote it.
    """
    if isinstance(value, dict):
        _check_schema(value, getattr(kind, "schema_version", None))
        if isinstance(kind, type) and issubclass(kind, Record):
            words = {f"{key}_": value[key] for key in filter(iskeyword, value)}
            value = value | words | {"as_read": value}
    try:
        return msgspec.convert(value, kind, str_keys=True)
    except msgspec.ValidationError as error:
        raise RecordError(str(error)) from None


def _check_schema(value: JsonObject, ours: object) -> None:
    schema = value.get("schema_version")
    if isinstance(schema, int) and isinstance(ours, int) and schema > ours:
        raise RecordError(
            f"a newer finetuned wrote it (schema {schema}, this one reads {ours}): install that "
            "version again"
        )


def to_json_value(record: object) -> Any:
    """Return a value of a class as plain JSON values, its keys in the order of the fields.

    What was read keeps every key and value in which it was not changed.
    """
    if not isinstance(record, Record):
        return msgspec.to_builtins(record, str_keys=True)
    values = _by_key(record)
    if not record.as_read:
        return values
    # Replaced by nothing, it has a value in every field: a default that was not read is no change.
    before = _by_key(replace(from_json_value(record.as_read, type(record))))
    changed = {key: value for key, value in values.items() if value != before[key]}
    return record.as_read | changed


def _by_key(record: Record) -> JsonObject:
    values: JsonObject = msgspec.to_builtins(record, str_keys=True)
    del values["as_read"]
    # A key that is a word of Python, as `try`, has a field with a line behind it.
    return {key.removesuffix("_"): value for key, value in values.items()}
