"""What can be ordered by hand of the trainer, and how each kind is named; knows none of the work.

An order is a directory; the trainer does it piece by piece when no job waits.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One sort of work that is asked for by hand."""

    name: str
    letter: str
    """With which the names of its orders begin."""
    folder: str
    """Under `models/`, one directory an order."""


SWEEP = Kind("sweep", "s", "sweeps")
EVALUATION = Kind("evaluation", "e", "evaluations")
REPRODUCTION = Kind("reproduction", "p", "reproductions")
AUDIT = Kind("audit", "a", "audits")
KINDS = (SWEEP, EVALUATION, REPRODUCTION, AUDIT)

_NAME = re.compile(r"([a-z])\d{6,}\Z", re.ASCII)


def kind_of(order: str) -> Kind | None:
    """Return the kind of an order by its name; None for what is no such name."""
    found = _NAME.match(order)
    return next((kind for kind in KINDS if found and found[1] == kind.letter), None)


def name_of(kind: Kind, number: int) -> str:
    """Return the name of the order with a number, as `s000001`."""
    return f"{kind.letter}{number:06d}"


@dataclass(frozen=True)
class Header:
    """What is known of any order, whatever its kind: the content of `order.json`."""

    order: str
    created_at: str
    about: str
    """What people know it by, made safe to print."""
    versions: tuple[str, ...] = ()
    """Versions whose weights must stay until it is over."""
