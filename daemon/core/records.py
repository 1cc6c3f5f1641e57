"""Typed records: from JSON values to values of a class and back, the one place for both.

Keys that a release does not know are left out of what it works with; keys that another release
did not write yet have the default of their field. What is written again keeps the former.
"""

from dataclasses import dataclass, field, replace
from keyword import iskeyword
from typing import Any, TypeVar

import msgspec

from daemon.errors import DaemonFault

Kind = TypeVar("Kind")

JsonObject = dict[str, object]
"""A JSON object whose keys are not fixed here: a user's row, settings as they were saved, or what
is only written. A value of it is narrowed where it is used."""


FIRST_SCHEMA = 1


class RecordError(ValueError):
    """A record that this release cannot read; the message names where in it."""


class NewerRecord(DaemonFault):
    """A record of a later release: no damage, so nothing may replace, move or work around it."""

    def __init__(self, where: str, schema: int, ours: int, code: str = "record_newer") -> None:
        super().__init__(
            code,
            f"{where} was written by a newer finetuned (schema {schema}, this one reads {ours}) "
            "and is left as it is: upgrade finetuned",
        )
        self.schema, self.ours = schema, ours


@dataclass(frozen=True, kw_only=True)
class Record:
    """A record that is a file of its own, and may be written again after it was read."""

    as_read: JsonObject = field(default_factory=dict, repr=False, compare=False)
    """How it lay on the disk, with what this release does not know; empty for a new one."""
    schema_version: int = 1


def from_json_value(value: object, kind: type[Kind]) -> Kind:
    """Return a JSON value as a value of a class.

    Raises:
        RecordError: a key is missing, or a value has another type.
        NewerRecord: a later release wrote it.
    """
    if isinstance(value, dict):
        _refuse_newer(value, getattr(kind, "schema_version", FIRST_SCHEMA))
        if isinstance(kind, type) and issubclass(kind, Record):
            words = {f"{key}_": value[key] for key in filter(iskeyword, value)}
            value = value | words | {"as_read": value}
    try:
        return msgspec.convert(value, kind, str_keys=True)
    except msgspec.ValidationError as error:
        raise RecordError(str(error)) from None


def _refuse_newer(value: JsonObject, known: object) -> None:
    # Of a class without this field the schema has never changed.
    ours = known if isinstance(known, int) else FIRST_SCHEMA
    schema = value.get("schema_version")
    if isinstance(schema, int) and schema > ours:
        raise NewerRecord("a record", schema, ours)


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
