"""`models/machine.json`: what worked on this machine, by device and base.

A cache, not a record: what is lost is found again by running out of memory once more.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from daemon.core.records import JsonObject, NewerRecord, Record
from daemon.folders.disk import atomic
from daemon.folders.disk.record_files import read_record, write_record
from daemon.layout import Layout


@dataclass(frozen=True, kw_only=True)
class MachineFacts(Record):
    """The content of `models/machine.json`."""

    entries: dict[str, JsonObject]
    """By device and base: what worked, under names chosen by those who measured it."""

    @property
    def of_later_release(self) -> bool:
        """Whether the file is another release's to write."""
        return self.schema_version > MachineFacts.schema_version


def key_of(device: str, fingerprint: str) -> str:
    """Return the key of an entry: a device as MLX names it, and a base model's fingerprint."""
    return f"{device}|{fingerprint}"


def read_worked(layout: Layout, device: str, fingerprint: str) -> tuple[JsonObject, str | None]:
    """Return what worked, empty if nothing is known, and any problem with the file.

    A damaged file is moved away, never overwritten; one of a later release stays, unused.
    """
    facts, problem = _read(layout)
    return facts.entries.get(key_of(device, fingerprint), {}), problem


def remember_worked(
    layout: Layout, device: str, fingerprint: str, worked: Mapping[str, object]
) -> str | None:
    """Add facts to what is known of a device and base; return any problem with the file."""
    facts, problem = _read(layout)
    if facts.of_later_release:
        return problem
    name = key_of(device, fingerprint)
    known = facts.entries.get(name, {})
    if {**known, **worked} != known:
        entries = facts.entries | {name: {**known, **worked}}
        # Left by a trainer that was killed while writing; there is one at a time.
        atomic.purge_leftovers(layout.models, of=f"-{layout.machine.name}")
        write_record(layout.machine, replace(facts, entries=entries))
    return problem


def _read(layout: Layout) -> tuple[MachineFacts, str | None]:
    try:
        return read_record(layout.machine, MachineFacts), None
    except FileNotFoundError:
        return MachineFacts(entries={}), None
    except NewerRecord as newer:
        return MachineFacts(entries={}, schema_version=newer.schema), newer.message
    except ValueError as error:
        return MachineFacts(entries={}), _quarantine(layout, f"{error}")


def _quarantine(layout: Layout, why: str) -> str:
    number = 1
    while (target := layout.machine.with_name(f"machine.broken-{number}.json")).exists():
        number += 1
    atomic.move(layout.machine, target)
    return (
        f"{layout.machine} could not be read ({why}) and is now {target.name}; what worked on "
        "this machine is measured again"
    )
