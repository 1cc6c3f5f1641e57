"""Flips, cuts and lengthens files of real checkpoints and versions: each damage must be found.

The files come from a rehearsal that was killed during its second run, and from a run of the real
trainer on a tiny random model.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from daemon.core import messages as say
from daemon.folders.models import models
from daemon.folders.runs import runs
from daemon.layout import Layout
from daemon.layout_jobs import RunLayout
from tests.end_to_end.workspace import Workspace, chats
from tests.training import workspace as trainers
from tests.training.tiny_llama import TinyEngine

SETTINGS = (
    "[inbox]\nsettle_s = 0.05\n[checkpoint]\nsteps = 4\n"
    "[training]\nepochs = 10\n[evaluation]\neval_every = 25\n"
)
JOB = "000001-sums"
WAYS: dict[str, Callable[[bytes, int, random.Random], bytes]] = {
    "flipped": lambda data, at, draw: (
        data[:at] + bytes([data[at] ^ (1 << draw.randrange(8))]) + data[at + 1 :]
    ),
    "cut": lambda data, at, draw: data[:at],
    "lengthened": lambda data, at, draw: data + draw.choice((b"\n", b" ", b"\0", b"x")) * (at + 1),
}
"""The bytes of a file after a damage at a position."""


@dataclass(frozen=True)
class Kept:
    """One directory that the daemon trusts by its checksums."""

    folder: Path
    verify: Callable[[Path], str | None]
    run: RunLayout | None = None
    """Of the newest checkpoint: its run, which goes on from the one before it."""


def flip_bytes(root: Path, seed: int, count: int) -> list[str]:
    """Return the damages, of so many drawn by a seed, that are not found or not got over."""
    kept = [*of_a_rehearsal(root / "rehearsal"), *of_a_tiny_model(root / "tiny")]
    return not_found(kept, seed, count)


def not_found(kept: Sequence[Kept], seed: int, count: int) -> list[str]:
    """Return the damages of these directories that are not found or not got over."""
    found = [f"{item.folder} is whole: {item.verify(item.folder)}" for item in kept if whole(item)]
    files = [(item, path) for item in kept for path in sorted(item.folder.iterdir())]
    draw = random.Random(seed)
    for _ in range(count):
        item, path = draw.choice(files)
        way = draw.choice(sorted(WAYS))
        at = draw.randrange(path.stat().st_size)
        problem = suffered(item, path, way, at, draw)
        if problem is not None:
            found.append(f"{path} {way} at {at}: {problem}")
    return found


def whole(item: Kept) -> bool:
    """Return whether a directory fails its check before anything was done to it."""
    return item.verify(item.folder) is not None


def suffered(item: Kept, path: Path, way: str, at: int, draw: random.Random) -> str | None:
    """Damage a file; return what the daemon's own check misses, and put the file back."""
    before = damage(path, way, at, draw)
    try:
        if item.verify(item.folder) is None:
            return "it is not found"
        return None if item.run is None else fallen_back(item.run, item.folder)
    finally:
        path.write_bytes(before)


def damage(path: Path, way: str, at: int, draw: random.Random) -> bytes:
    """Damage a file at a position; return what it held."""
    before = path.read_bytes()
    after = WAYS[way](before, at, draw)
    assert after != before
    path.write_bytes(after)
    return before


def fallen_back(run: RunLayout, newest: Path) -> str | None:
    """Return what is wrong with the way back to the checkpoint before a damaged one."""
    before = sorted(run.checkpoints.glob("c*"))[-2]
    found, problems = runs.newest_checkpoint(run)
    (run.checkpoints / f"{runs.BROKEN}{newest.name}").rename(newest)
    if found != before:
        return f"{found} is used, not {before}"
    return None if [newest.name in told for told in problems] == [True] else f"it says {problems}"


def of_a_rehearsal(root: Path) -> list[Kept]:
    """Return two versions and the checkpoints of a run that was killed."""
    with Workspace(root, settings=SETTINGS) as space:
        killed_in_its_second_run(space)
        return all_of(space.layout, "r000002")


def killed_in_its_second_run(space: Workspace) -> None:
    """Have one file trained, and the daemon killed while it trains another."""
    space.drop("a.jsonl", chats(24))
    assert space.drain() == 0, space.story()
    space.drop("b.jsonl", chats(60, start=100))
    space.start()
    space.wait("commits", lambda: len(space.told("committed", run="r000002")) >= 3)
    space.kill()


def of_a_tiny_model(root: Path) -> list[Kept]:
    """Return a version and the checkpoints of a run on a real, tiny model."""
    made = trainers.make_workspace(root, TinyEngine())
    made.add_job(JOB, trainers.chats(12), trainers.chats(6, "held"))
    settings = {**trainers.SETTINGS, "checkpoint": {"steps": 2}}
    made.ask_run("r000001", [JOB], settings=settings)
    made.serve(TinyEngine(), say.Train("r000001"))
    made.seal("r000001", "v000001")
    return all_of(made.layout, "r000001")


def all_of(layout: Layout, run: str) -> list[Kept]:
    """Return the versions of a workspace, and the checkpoints of a run, two at least."""
    place = layout.run(run)
    checkpoints = sorted(place.checkpoints.glob("c*"))
    assert len(checkpoints) >= 2
    return [
        *(Kept(path, models.verify) for path in sorted(layout.versions.glob("v*"))),
        *(Kept(path, runs.verify) for path in checkpoints[:-1]),
        Kept(checkpoints[-1], runs.verify, place),
    ]
