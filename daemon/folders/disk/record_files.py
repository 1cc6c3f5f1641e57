"""Reads and writes typed records as JSON files; errors name the file and the field."""

import json
from pathlib import Path
from typing import TypeVar

from daemon.core.records import NewerRecord, RecordError, from_json_value, to_json_value
from daemon.folders.disk import atomic

Kind = TypeVar("Kind")


def parse_record(data: bytes, kind: type[Kind], path: Path) -> Kind:
    """Return the record in a file's bytes.

    Raises:
        RecordError: it is not a record of this class; the message names the file and the field.
        NewerRecord: a later release wrote it.
    """
    try:
        return from_json_value(json.loads(data), kind)
    except NewerRecord as newer:
        raise NewerRecord(str(path), newer.schema, newer.ours) from None
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{path.name}: {error}") from None


def read_record(path: Path, kind: type[Kind]) -> Kind:
    """Return the record in a file.

    Raises:
        OSError: it cannot be read.
        RecordError, NewerRecord: as `parse_record`.
    """
    return parse_record(path.read_bytes(), kind, path)


def write_record(path: Path, record: object) -> None:
    """Replace a file's content with a record."""
    atomic.write_json(path, to_json_value(record))
