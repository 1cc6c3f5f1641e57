"""Makes one named place fail in a running daemon, lets it recover, and looks at what is left."""

import os
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from daemon import failpoints
from tests.end_to_end.workspace import Workspace
from tests.reliability.scenario import PICTURED, SETTINGS, End, broken, drop_all

WHATS = (failpoints.KILL, "ENOSPC", "EIO", "EMFILE", "EACCES")
OF_PICTURES = "intake:replacing."
STARTS = 4
"""How often a daemon that died of a fault is started again before it counts as stuck."""


@dataclass(frozen=True)
class Fault:
    """One failure at one occurrence of one place in one kind of process."""

    role: str
    point: str
    occurrence: int
    what: str

    @classmethod
    def read(cls, text: str) -> Self:
        """Return the fault that a text names."""
        role, point, occurrence, what = text.split(":")
        return cls(role, point, int(occurrence), what)

    def __str__(self) -> str:
        return f"{self.role}:{self.point}:{self.occurrence}:{self.what}"


def passed_places(root: Path) -> Counter[str]:
    """Return how often each place is passed in the undisturbed history, by `role:point`.

    Those that pictures pass too are counted in a history that has them.
    """
    plain, pictured = _passed(root / "plain", SETTINGS), _passed(root / "pictured", PICTURED)
    found = {at: plain[at] for at in plain if not at.startswith(OF_PICTURES)}
    return Counter(found | {at: pictured[at] for at in pictured if at.startswith(OF_PICTURES)})


def _passed(root: Path, settings: str) -> Counter[str]:
    root.mkdir()
    log = root / "places.log"
    with asked({failpoints.LOG: str(log)}), Workspace(root / "w", settings=settings) as space:
        drop_all(space)
        assert space.drain() == 0, space.story()
    return Counter(log.read_text().split())


def every_fault(places: Mapping[str, int], whats: Sequence[str] = WHATS) -> list[Fault]:
    """Return all failures of all occurrences."""
    return [
        Fault(role, point, occurrence, what)
        for (role, point), count in split(places)
        for occurrence in range(1, count + 1)
        for what in whats
    ]


def steady(place: str, count: int) -> int:
    """Return the times a place is passed for sure: the status is written as time goes by."""
    return max(1, count // 2) if ":volatile." in place else count


def split(places: Mapping[str, int]) -> list[tuple[tuple[str, str], int]]:
    """Return kind of process and place, with the number of times it is passed."""
    found = []
    for place, count in sorted(places.items()):
        role, point = place.split(":")
        found.append(((role, point), steady(place, count)))
    return found


def some_faults(places: Mapping[str, int], seed: int) -> list[Fault]:
    """Return one kill and one error at each place, at occurrences drawn by a seed."""
    draw = random.Random(seed)
    return [
        Fault(role, point, draw.randint(1, count), what)
        for (role, point), count in split(places)
        for what in (failpoints.KILL, draw.choice(WHATS[1:]))
    ]


def suffer(root: Path, fault: Fault, calm: End) -> list[str]:
    """Return what is broken after a fault and the recovery from it."""
    fired = root / "fired"
    asked_for = {failpoints.POINT: str(fault), failpoints.FIRED: str(fired)}
    settings = PICTURED if f"{fault.role}:{fault.point}".startswith(OF_PICTURES) else SETTINGS
    with asked(asked_for), Workspace(root / "w", settings=settings) as space:
        drop_all(space)
        for _ in range(STARTS):
            if space.drain() == 0:
                break
        else:
            return [f"I8: it does not come to an end; {space.story()}"]
        found = broken(space, calm)
        if not fired.exists():
            found.append("the place was not passed so often: nothing was tried")
        return [*found, space.story()] if found else []


@contextmanager
def asked(variables: Mapping[str, str]) -> Iterator[None]:
    """Have these in the environment of the processes that are started meanwhile."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
