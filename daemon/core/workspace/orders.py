"""Orders (sweep, evaluation, reproduction, audit): their kinds, names and common header.

An order is a directory; the trainer does it unit by unit while no job waits.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One kind of order."""

    name: str
    letter: str
    """The letter at the start of its orders' names."""
    folder: str
    """Folder under `models/` with one directory an order."""


SWEEP = Kind("sweep", "s", "sweeps")
EVALUATION = Kind("evaluation", "e", "evaluations")
REPRODUCTION = Kind("reproduction", "p", "reproductions")
AUDIT = Kind("audit", "a", "audits")
KINDS = (SWEEP, EVALUATION, REPRODUCTION, AUDIT)

_NAME = re.compile(r"([a-z])\d{6,}\Z", re.ASCII)


def kind_of(order: str) -> Kind | None:
    """Return the kind of an order by its name; None if it is not such a name."""
    found = _NAME.match(order)
    return next((kind for kind in KINDS if found and found[1] == kind.letter), None)


def name_of(kind: Kind, number: int) -> str:
    """Return the name of the order with a number, as `s000001`."""
    return f"{kind.letter}{number:06d}"


@dataclass(frozen=True)
class Header:
    """The content of `order.json`, the same for every kind of order."""

    order: str
    created_at: str
    about: str
    """Its subject as the user named it, made safe to print."""
    versions: tuple[str, ...] = ()
    """Versions whose weights it needs until it ends."""
