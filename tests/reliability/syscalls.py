"""Kills one kind of process before one of its system calls that change the disk, and looks."""

import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.end_to_end.workspace import Workspace
from tests.reliability.scenario import SETTINGS, End, broken, drop_all, end_of
from tests.reliability.tracing import (
    CHANGES,
    SUPERVISOR,
    traced_daemon,
    tracer_of,
)

KINDS = (SUPERVISOR, "intake", "training")
LOG = "strace"
STARTS = 4
"""How often a daemon that was killed is started again before it counts as stuck."""
SURE_SHARE = 0.8
"""Of the calls of a process: so many of them come in each history."""

LINE = re.compile(r"(\d* *)(\w+)\((.*)")
OPENING = ("open", "openat")
CHANGING = re.compile(r"O_CREAT|O_TRUNC|O_WRONLY|O_RDWR")


@dataclass(frozen=True, order=True)
class Position:
    """One system call of the first process of a kind; each thread counts its own."""

    kind: str
    call: str
    number: int

    def __str__(self) -> str:
        return f"{self.kind}: {self.call} {self.number}"


def every_position(root: Path) -> tuple[list[Position], End]:
    """Return the system calls by which an undisturbed history changes its workspace, and its end.

    Of each kind of process the first is looked at.
    """
    logs = {kind: root / f"{kind}.strace" for kind in KINDS}
    tracers = {kind: tracer_of(kind, log, CHANGES, "-s", "0") for kind, log in logs.items()}
    with Workspace(root / "w", settings=SETTINGS) as space:
        drop_all(space)
        space.command = traced_daemon(root, tracers)
        assert space.drain() == 0, space.story()
        end = end_of(space)
    found: set[Position] = set()
    for kind, log in logs.items():
        found.update(positions_in(kind, log.read_text(errors="replace").splitlines(), root / "w"))
    return sorted(found), end


def positions_in(kind: str, lines: Iterable[str], root: Path) -> list[Position]:
    """Return the calls of a log that change something under a folder, counted as strace does."""
    passed: defaultdict[str, Counter[str]] = defaultdict(Counter)
    found = []
    for line in lines:
        match = LINE.match(line)
        if match is None:
            continue
        thread, call, rest = match.groups()
        passed[thread][call] += 1
        reading = call in OPENING and not CHANGING.search(rest)
        if f"{root}/" in rest and f"{root}/console.txt" not in rest and not reading:
            found.append(Position(kind, call, passed[thread][call]))
    return found


def some_positions(positions: list[Position], count: int, seed: int) -> list[Position]:
    """Return positions drawn by a seed, of each kind of process equally many.

    The last ones of each call are left out: they may not come in each history.
    """
    draw = random.Random(seed)
    most: Counter[tuple[str, str]] = Counter()
    for position in positions:
        key = (position.kind, position.call)
        most[key] = max(most[key], position.number)
    sure = [p for p in positions if p.number <= SURE_SHARE * most[p.kind, p.call]]
    return [
        position
        for kind in KINDS
        for position in draw.sample([p for p in sure if p.kind == kind], count // len(KINDS))
    ]


def killed_at(root: Path, position: Position, calm: End) -> list[str]:
    """Return what is broken after a kill and the recovery.

    The last calls of a kind may not come in each history: a process that was not killed is none.
    """
    log = root / LOG
    with Workspace(root / "w", settings=SETTINGS) as space:
        drop_all(space)
        usual = space.command
        inject = f"inject={position.call}:signal=SIGKILL:when={position.number}"
        tracing = tracer_of(position.kind, log, (position.call,), "-e", inject)
        space.command = traced_daemon(root, {position.kind: tracing})
        for _ in range(STARTS):
            if space.drain() == 0:
                break
            space.command = usual
        else:
            return [f"I8: it does not come to an end; {space.story()}"]
        found = broken(space, calm)
        return [*found, space.story()] if found else []
