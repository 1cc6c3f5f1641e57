"""`models/<kind>/`: one directory an order; knows when it is over, not what its pieces mean.

A command makes the directory, whole; the trainer adds pieces and the result; the supervisor only
marks one that the user wants to end.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any

from daemon.core.orders import KINDS, Header, Kind, kind_of, name_of
from daemon.core.records import fields_of
from daemon.core.snapshot import OrderOnDisk
from daemon.folders import atomic
from daemon.layout import Layout, OrderLayout

MOST_DEATHS = 6
"""More than one piece may take before it is given up."""


def names(layout: Layout, kind: Kind) -> list[str]:
    """Return every order of a kind, by age."""
    folder = layout.orders(kind)
    if not folder.is_dir():
        return []
    return sorted(entry.name for entry in os.scandir(folder) if kind_of(entry.name) == kind)


def create(
    layout: Layout, kind: Kind, header: Header, fill: Callable[[OrderLayout, str], object]
) -> str:
    """Make an order; return its name, which `fill` is given to put in all that the order needs.

    The header's own `order` is not looked at: the name is the next one that is free.
    """
    atomic.make_directory(layout.orders(kind))
    number = max((int(name[1:]) for name in names(layout, kind)), default=0)
    while True:
        number += 1
        name = name_of(kind, number)
        # Another command may have taken the number meanwhile.
        with (
            suppress(FileExistsError),
            atomic.building_directory(layout.order(name).folder) as folder,
        ):
            built = OrderLayout(folder)
            fill(built, name)
            atomic.write_json(built.header, asdict(replace(header, order=name)))
            return name


def read_request(place: OrderLayout) -> dict[str, Any]:
    """Return what is asked for.

    Raises:
        OSError, ValueError: it cannot be read.
    """
    request: dict[str, Any] = json.loads(place.request.read_bytes())
    return request


def begin_piece(place: OrderLayout, number: int) -> int:
    """Note that a piece begins, durably; return how many beginnings of it had no clean end."""
    mark: dict[str, int] = {}
    with suppress(OSError, ValueError):
        mark = json.loads(place.piece.read_bytes())
    before = mark.get("starts", 0) if mark.get("number") == number else 0
    atomic.write_json(place.piece, {"number": number, "starts": before + 1})
    return before


def leave_piece(place: OrderLayout) -> None:
    """Note that the piece in hand has ended, or was left on purpose to begin again."""
    atomic.remove_file(place.piece)


def end(place: OrderLayout, result: dict[str, Any]) -> None:
    """Write the result: with it the order is over."""
    atomic.write_json(place.result, result)


def read_result(place: OrderLayout) -> dict[str, Any] | None:
    """Return the result; None while the order is not over."""
    try:
        result: dict[str, Any] = json.loads(place.result.read_bytes())
    except FileNotFoundError:
        return None
    return result


class Orders:
    """The orders of a workspace as the supervisor sees them."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._over: set[str] = set()
        self._known: dict[str, OrderOnDisk] = {}
        self._deaths: dict[str, int] = {}
        self.parked: dict[str, str] = {}
        """Orders that are not gone on with before the next start, with the reason."""

    def make_folders(self) -> None:
        """Make the folders; what a command builds there just now is left alone."""
        for kind in KINDS:
            atomic.make_directory(self._layout.orders(kind))

    def waiting(self) -> tuple[OrderOnDisk, ...]:
        """Return the orders that are not over, by age."""
        return tuple(sorted(self._waiting(), key=lambda item: (item.created_at, item.order)))

    def _waiting(self) -> Iterator[OrderOnDisk]:
        for name in (name for kind in KINDS for name in names(self._layout, kind)):
            if self._is_waiting(name):
                skip = self._layout.order(name).skip.exists()
                yield replace(self._known[name], skip=skip)

    def _is_waiting(self, name: str) -> bool:
        if name in self._over or name in self.parked:
            return False
        place = self._layout.order(name)
        if place.result.exists():
            self._over.add(name)
            return False
        if name not in self._known:
            try:
                record = json.loads(place.header.read_bytes())
                header = Header(
                    **fields_of(Header, record) | {"versions": tuple(record["versions"])}
                )
                self._known[name] = OrderOnDisk(
                    name, header.about, header.created_at, frozenset(header.versions)
                )
            except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
                where = place.folder.relative_to(self._layout.root)
                self.parked[name] = (
                    f"{where} cannot be read ({error}) and waits: remove it and ask for it again"
                )
        return name in self._known

    def leave_piece(self, order: str) -> None:
        """Note that the piece in hand was ended on purpose, where the trainer could not."""
        leave_piece(self._layout.order(order))

    def count_death(self, order: str, how: str) -> None:
        """Count a death of the trainer; many without a piece between park the order."""
        self._deaths[order] = self._deaths.get(order, 0) + 1
        if self._deaths[order] >= MOST_DEATHS:
            why = f"crashed the trainer {self._deaths[order]} times ({how})"
            self.parked[order] = f"{order} {why}; it is tried again at the next start"

    def progressed(self, order: str) -> None:
        """Count an order's deaths from zero again: a piece has ended."""
        self._deaths.pop(order, None)

    def has(self, order: str) -> bool:
        """Return whether there is an order of this name; the trainer also does other work."""
        return order in self._known

    def skip(self, order: str) -> None:
        """Journal that an order is to end with what it has."""
        atomic.write_bytes(self._layout.order(order).skip, b"")
