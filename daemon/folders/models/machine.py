"""`models/machine.json`: what worked on this machine, by device and base; decides nothing.

A memory, not a record: what is lost is found again by running out of memory once more.
"""

import json
from collections.abc import Mapping
from typing import Any

from daemon.folders.disk import atomic
from daemon.layout import Layout

SCHEMA = 1


def key_of(device: str, fingerprint: str) -> str:
    """Return the name of an entry: a device as MLX names it, and a base model's fingerprint."""
    return f"{device}|{fingerprint}"


def read_worked(layout: Layout, device: str, fingerprint: str) -> tuple[dict[str, Any], str | None]:
    """Return what worked, empty where nothing is known, and what was wrong with the file.

    A damaged file is moved aside, never written over.
    """
    entries, problem = _entries(layout)
    return entries.get(key_of(device, fingerprint), {}), problem


def remember_worked(
    layout: Layout, device: str, fingerprint: str, worked: Mapping[str, Any]
) -> str | None:
    """Lay new facts over what is known of a device and base; return what was wrong, else None."""
    entries, problem = _entries(layout)
    name = key_of(device, fingerprint)
    known = entries.get(name, {})
    if {**known, **worked} != known:
        entries[name] = {**known, **worked}
        # Of a trainer that was killed as it wrote; there is one at a time.
        atomic.purge_leftovers(layout.models, of=f"-{layout.machine.name}")
        atomic.write_json(layout.machine, {"schema_version": SCHEMA, "entries": entries})
    return problem


def _entries(layout: Layout) -> tuple[dict[str, dict[str, Any]], str | None]:
    try:
        body = json.loads(layout.machine.read_bytes())
        return _checked(body), None
    except FileNotFoundError:
        return {}, None
    except (ValueError, KeyError, TypeError) as error:
        return {}, _set_aside(layout, f"{error}")


def _checked(body: Any) -> dict[str, dict[str, Any]]:
    if body["schema_version"] != SCHEMA:
        raise ValueError(f"schema {body['schema_version']!r}, this version reads {SCHEMA}")
    entries: Any = body["entries"]
    if not isinstance(entries, dict) or not all(isinstance(e, dict) for e in entries.values()):
        raise ValueError("its entries are no tables")
    return entries


def _set_aside(layout: Layout, why: str) -> str:
    number = 1
    while (aside := layout.machine.with_name(f"machine.broken-{number}.json")).exists():
        number += 1
    atomic.move(layout.machine, aside)
    return (
        f"{layout.machine} could not be read ({why}) and lies in {aside.name}; what worked on "
        "this machine is found out again"
    )
