"""What a disk may show after a power cut at any moment of a history, and what is made of it.

The history is recorded once, with every byte it wrote. For each moment and each way in which a disk
may forget, the workspace is laid out as it would be found, and looked at: what was told must be
there, and nothing half. Some of them are given to a real daemon, which has to bring the history to
the same end.
"""

import json
import random
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.end_to_end.workspace import Workspace
from tests.reliability.persistence_checks import Told, halves, lost
from tests.reliability.persistence_disk import After, Disk, Tree, lay_out
from tests.reliability.persistence_trace import Operation, operations, recording
from tests.reliability.scenario import SETTINGS, End, broken, drop_all, end_of

STARTS = 4
EVENTS, STATUS = "status/events.jsonl", "status/training_status.json"
JOB_FILE = re.compile(r"queue/[a-z]+/(\d+-[^/]+)/([^/]+)")
CHANGING = ("job.json", "context.json", "reading.json")
UNSEEN = ("console.txt", "queue/ledger.sqlite3-shm")
"""The console is the test's own; the index of SQLite's log is written through shared memory."""


@dataclass(frozen=True)
class Moment:
    """A power cut after so many operations, and what the disk forgets."""

    operations: int
    after: After

    def __str__(self) -> str:
        return f"a power cut after operation {self.operations} that leaves {self.after.value}"


@dataclass(frozen=True)
class State:
    """What a moment leaves, and what was told before it."""

    moment: Moment
    told: Told
    tree: Tree


@dataclass(frozen=True)
class Recording:
    """A history of a workspace."""

    root: Path
    """Where it was written down: before its first operation."""
    done: tuple[Operation, ...]
    end: Tree
    """What lay there at the end."""
    calm: End
    """What the history came to."""

    def disk(self, unsynced: str | None = None) -> Disk:
        """Return the disk at the beginning; one folder of it may not have been synced."""
        return Disk.of(self.root, unsynced)

    def states(self, moments: Sequence[Moment], unsynced: str | None = None) -> Iterator[State]:
        """Give what each moment leaves, in the order of time."""
        disk = self.disk(unsynced)
        wanted: dict[int, list[Moment]] = {}
        for moment in moments:
            wanted.setdefault(moment.operations, []).append(moment)
        for number in range(len(self.done) + 1):
            for moment in wanted.get(number, ()):
                told = Told.of(disk.read(EVENTS), disk.read(STATUS), self.job_files())
                yield State(moment, told, disk.tree(moment.after))
            if number < len(self.done):
                disk.apply(self.done[number])

    def job_files(self) -> dict[str, dict[str, bytes]]:
        """Return what each job holds at the end of what it was taken in with, by name."""
        found: dict[str, dict[str, bytes]] = {}
        for path, what in self.end.items():
            place = JOB_FILE.fullmatch(path)
            if place is not None and isinstance(what, bytes) and place.group(2) not in CHANGING:
                found.setdefault(place.group(1), {})[place.group(2)] = what
        return found

    def every_moment(self) -> list[Moment]:
        """Return all moments with each way of forgetting."""
        return [Moment(number, after) for number in range(len(self.done) + 1) for after in After]

    def some_moments(self, count: int, seed: int) -> list[Moment]:
        """Return moments drawn by a seed, each with every way of forgetting."""
        numbers = range(len(self.done) + 1)
        drawn = random.Random(seed).sample(numbers, min(count, len(numbers)))
        return [Moment(number, after) for number in sorted(drawn) for after in After]


def record(root: Path, killed_at: str | None = None) -> Recording:
    """Let the history happen under a tracer.

    With `killed_at` (`fsync:when=30`), whichever process comes to its call of this number is killed
    before it, and the daemon started again if it was that one.
    """
    before, logs = root / "before", [root / "first.strace", root / "second.strace"]
    killing = ("-e", f"inject={killed_at.replace(':', ':signal=SIGKILL:')}") if killed_at else ()
    with Workspace(root / "w", settings=SETTINGS) as space:
        drop_all(space)
        before.mkdir()
        lay_out(Disk.of(space.root).tree(After.ALL), before, {})
        usual = space.command
        for log, more in zip(logs, (killing, ()), strict=True):
            space.command = [*recording(log, *more), *usual]
            if space.drain() == 0:
                break
        else:
            raise AssertionError(space.story())
        lines = [line for log in logs if log.exists() for line in log.read_text().splitlines()]
        done = tuple(operations(lines, space.root))
        return Recording(before, done, seen(Disk.of(space.root)), end_of(space))


def seen(disk: Disk) -> Tree:
    """Return what lies on a disk, without what no recording sees."""
    return {name: what for name, what in disk.tree(After.ALL).items() if name not in UNSEEN}


def look(
    root: Path, recording: Recording, moments: Sequence[Moment], unsynced: str | None = None
) -> list[str]:
    """Lay out what each moment leaves, and return what is broken in it."""
    before: Tree = {}
    last: dict[After, tuple[Tree, int]] = {}
    place, found = root / "w", []
    place.mkdir(parents=True)
    for state in recording.states(moments, unsynced):
        key = (state.tree, len(state.told.events))
        if last.get(state.moment.after) == key:
            continue
        last[state.moment.after] = key
        lay_out(state.tree, place, before)
        before = state.tree
        problems = [*lost(place, state.told), *halves(place)]
        found += [f"{state.moment}: {problem}" for problem in problems]
    return found


def look_after_a_kill(root: Path, killed_at: str) -> list[str]:
    """Return what power cuts break in a history in which a process had been killed before."""
    recording = record(root / "recording", killed_at)
    moments = [Moment(number, After.SYNCED) for number in range(len(recording.done) + 1)]
    return look(root / "look", recording, moments)


def recover(root: Path, recording: Recording, moment: Moment) -> list[str]:
    """Return what is broken once a real daemon has found what a moment leaves, and gone on."""
    (state,) = recording.states([moment])
    place = root / "w"
    place.mkdir(parents=True)
    lay_out(state.tree, place, {})
    _take_as_laid_out(place)
    with Workspace(place, settings=SETTINGS) as space:
        if not any(space.drain() == 0 for _ in range(STARTS)):
            return [f"I8: it does not come to an end; {space.story()}"]
        found = [
            *broken(space, recording.calm),
            *lost(place, state.told),
            *_trained_again(space, state.told),
        ]
        return [*found, space.story()] if found else []


def _take_as_laid_out(place: Path) -> None:
    """Let the rows count as unedited: a recording knows no times of files, a disk keeps them."""
    for path in place.glob("queue/*/*/job.json"):
        try:
            card = json.loads(path.read_bytes())
        except ValueError:
            continue
        path.write_text(json.dumps(card | {"seal": ""}), encoding="utf-8")


def _trained_again(space: Workspace, told: Told) -> Iterator[str]:
    """I2: no step is taken again that was told as committed."""
    committed = {e["run"]: e["step"] for e in told.events if e["event"] == "committed"}
    attempts = {e["run"]: e["attempt"] for e in told.events if e["event"] == "run_begun"}
    for line in _whole_lines(space.layout.metrics_file):
        run, step = line["run"], line["step"]
        later = line["attempt"] > attempts.get(run, line["attempt"])
        if later and step <= committed.get(run, -1):
            yield f"I2: step {step} of {run} was committed and is trained again: {json.dumps(line)}"


def _whole_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Give the lines of a file; one that the power cut has torn was closed and stays torn."""
    # It may be gone, and nothing left to train.
    for line in path.read_bytes().splitlines() if path.exists() else ():
        with suppress(ValueError):
            yield json.loads(line)
