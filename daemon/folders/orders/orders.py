"""`models/<kind>/`: one directory an order, with its request, its units' starts, and its result.

A command creates the directory, whole; the trainer adds units and the result; the supervisor only
marks an order that the user wants to end.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar, cast

import msgspec

from daemon.core.decisions.audits import AuditRequest
from daemon.core.decisions.snapshot import OrderOnDisk
from daemon.core.evaluation.evaluations import EvaluationRequest
from daemon.core.evaluation.reproduction import ReproductionRequest
from daemon.core.evaluation.results import OrderResult
from daemon.core.evaluation.sweeps import SweepRequest
from daemon.core.records import JsonObject, NewerRecord, Record
from daemon.core.workspace.orders import (
    AUDIT,
    EVALUATION,
    KINDS,
    REPRODUCTION,
    SWEEP,
    Header,
    Kind,
    kind_of,
    name_of,
)
from daemon.folders.disk import atomic
from daemon.folders.disk.record_files import read_record, write_record
from daemon.layout import Layout, OrderLayout

Request = TypeVar("Request")
Result = TypeVar("Result", bound=OrderResult)


class UnitMark(msgspec.Struct, frozen=True, omit_defaults=True):
    """The content of `piece.json`: the unit in progress."""

    number: int | None = None
    starts: int = 0
    """Beginnings since its last progress that had no clean end."""
    got_on: int = 0
    """How often it made progress."""


REQUESTS: Mapping[Kind | None, type[Record]] = {
    SWEEP: SweepRequest,
    EVALUATION: EvaluationRequest,
    REPRODUCTION: ReproductionRequest,
    AUDIT: AuditRequest,
}

MOST_DEATHS = 6
"""Deaths without progress after which an order is parked."""


def names(layout: Layout, kind: Kind) -> list[str]:
    """Return the names of all orders of a kind, by age."""
    folder = layout.orders(kind)
    if not folder.is_dir():
        return []
    return sorted(entry.name for entry in os.scandir(folder) if kind_of(entry.name) == kind)


def create(
    layout: Layout, kind: Kind, header: Header, fill: Callable[[OrderLayout, str], object]
) -> str:
    """Create an order and return its name; `fill` writes the files that it needs.

    The header's own `order` is ignored: the name is the next free one.
    """
    atomic.make_directory(layout.orders(kind))
    number = max((int(name[1:]) for name in names(layout, kind)), default=0)
    while True:
        number += 1
        name = name_of(kind, number)
        # Another command may have taken the number in the meantime.
        with (
            suppress(FileExistsError),
            atomic.building_directory(layout.order(name).folder) as folder,
        ):
            built = OrderLayout(folder)
            fill(built, name)
            write_record(built.header, replace(header, order=name))
            return name


def read_request(place: OrderLayout, kind: type[Request]) -> Request:
    """Return the request of an order; each kind has its own class.

    Raises:
        OSError, ValueError: it cannot be read.
    """
    return read_record(place.request, kind)


def begin_unit(place: OrderLayout, number: int) -> int:
    """Record durably that a unit starts; return how many starts of it were futile.

    These are the starts since its last progress that did not end cleanly.
    """
    mark = _mark(place)
    if mark.number != number:
        mark = UnitMark(number)
    write_record(place.piece, msgspec.structs.replace(mark, starts=mark.starts + 1))
    return mark.starts


def note_progress(place: OrderLayout) -> None:
    """Record that the current unit makes progress: earlier starts are no longer futile."""
    mark = _mark(place)
    if mark.number is not None:
        got_on = mark.got_on + 1
        write_record(place.piece, msgspec.structs.replace(mark, starts=0, got_on=got_on))


def _mark(place: OrderLayout) -> UnitMark:
    with suppress(OSError, ValueError):
        return read_record(place.piece, UnitMark)
    return UnitMark()


def leave_unit(place: OrderLayout) -> None:
    """Record that the current unit has ended, or was left on purpose to start again."""
    atomic.remove_file(place.piece)


def write_reports(place: OrderLayout, files: Mapping[str, str]) -> None:
    """Write the reports by file name; the result is written after them."""
    for name, text in files.items():
        atomic.write_bytes(place.folder / name, text.encode())


def end(place: OrderLayout, result: OrderResult) -> None:
    """Write the result, which ends the order."""
    atomic.write_json(place.result, result)


def read_result(place: OrderLayout, kind: type[Result]) -> Result | None:
    """Return the result; None until the order has ended.

    Raises:
        OSError, RecordError, NewerRecord: it cannot be read.
    """
    try:
        return cast("Result", read_record(place.result, JsonObject))
    except FileNotFoundError:
        return None


def is_over(place: OrderLayout) -> bool:
    """Return whether an order has its result."""
    return place.result.exists()


Identity = tuple[int, int]
"""Inode and change time of an order's header: a name may be used again."""


def _identity(place: OrderLayout) -> Identity:
    with suppress(OSError):
        found = place.header.stat()
        return found.st_ino, found.st_ctime_ns
    return 0, 0


class Orders:
    """The orders of a workspace as the supervisor sees them."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._known: dict[str, tuple[Identity, OrderOnDisk]] = {}
        self._deaths: dict[str, int] = {}
        self._got_on: dict[str, tuple[int, int]] = {}
        """The unit at the last death, and how many starts of it had made progress."""
        self.parked: dict[str, str] = {}
        """Orders that are not continued, with the reason: unreadable ones, and until the next start
        those that crashed the trainer."""

    def make_folders(self) -> None:
        """Create the folders; what a command is building there is left alone."""
        for kind in KINDS:
            atomic.make_directory(self._layout.orders(kind))

    def waiting(self) -> tuple[OrderOnDisk, ...]:
        """Return the orders that have not ended, by age."""
        return tuple(sorted(self._waiting(), key=lambda item: (item.created_at, item.order)))

    def _waiting(self) -> Iterator[OrderOnDisk]:
        there = [name for kind in KINDS for name in names(self._layout, kind)]
        for name in {*self._known, *self.parked} - set(there):
            self._forget(name)
        for name in there:
            known = self._look_at(name)
            if known is not None:
                yield replace(known, skip=self._layout.order(name).skip.exists())

    def _look_at(self, name: str) -> OrderOnDisk | None:
        """Return an order to continue; None if it has ended or is parked."""
        place = self._layout.order(name)
        if is_over(place):
            return None
        identity = _identity(place)
        if name not in self._known or self._known[name][0] != identity:
            # The number of a removed order is used again.
            self._forget(name)
            self._read(name, place, identity)
        return None if name in self.parked else self._known[name][1]

    def _read(self, name: str, place: OrderLayout, identity: Identity) -> None:
        try:
            header = read_record(place.header, Header)
            # The trainer would die of a later release's request; a damaged one is its to report.
            with suppress(OSError, ValueError):
                read_record(place.request, REQUESTS[kind_of(name)])
            order = OrderOnDisk(name, header.about, header.created_at, frozenset(header.versions))
            self._known[name] = identity, order
        except NewerRecord as newer:
            self.parked[name] = newer.message
        except (OSError, ValueError) as error:
            where = place.folder.relative_to(self._layout.root)
            self.parked[name] = (
                f"{where} cannot be read ({error}) and waits: remove it and place the order again"
            )

    def _forget(self, name: str) -> None:
        self._known.pop(name, None)
        self._deaths.pop(name, None)
        self._got_on.pop(name, None)
        self.parked.pop(name, None)

    def leave_unit(self, order: str) -> None:
        """Record that the current unit was ended on purpose, where the trainer could not."""
        leave_unit(self._layout.order(order))

    def count_death(self, order: str, how: str) -> None:
        """Count a death of the trainer; too many without progress park the order."""
        mark = _mark(self._layout.order(order))
        got_on = mark.number or 0, mark.got_on
        if self._got_on.get(order, got_on) != got_on:
            self.reset_deaths(order)
        self._got_on[order] = got_on
        self._deaths[order] = self._deaths.get(order, 0) + 1
        if self._deaths[order] >= MOST_DEATHS:
            why = f"crashed the trainer {self._deaths[order]} times ({how})"
            self.parked[order] = f"{order} {why}; it is tried again at the next start"

    def reset_deaths(self, order: str) -> None:
        """Reset the deaths of an order: a unit has ended or made progress."""
        self._deaths.pop(order, None)

    def has(self, order: str) -> bool:
        """Return whether there is an order with this name."""
        return order in self._known

    def skip(self, order: str) -> None:
        """Record that an order is to end with the results so far."""
        atomic.write_bytes(self._layout.order(order).skip, b"")
