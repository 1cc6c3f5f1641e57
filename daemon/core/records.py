"""Reads records that another release wrote: what this one does not know of them is left out."""

from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Any


def fields_of(kind: type, record: Mapping[str, Any]) -> dict[str, Any]:
    """Return of a record what a dataclass has a field for.

    A later release may have dropped a field that lies on users' disks; a new one has a default.
    """
    known = _names(kind)
    return {key: value for key, value in record.items() if key in known}


@cache
def _names(kind: type) -> frozenset[str]:
    return frozenset(field.name for field in fields(kind))
