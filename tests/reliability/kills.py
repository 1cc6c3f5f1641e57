"""Kills daemon, intake worker and trainer at random moments, also while they recover."""

import random
import threading
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from glob import glob
from pathlib import Path

import psutil

from daemon.clock import SystemClock
from tests.end_to_end.workspace import Workspace, lives
from tests.reliability.scenario import SETTINGS, End, broken, drop_all, end_of

IN_START = 0.25
"""Share of the daemon's kills that come before it has begun to work."""

LIFE = 0.4
"""A life lasts at most so much of the whole history, and mostly less."""

WORKER_KILLS = 2
"""Three deaths of a worker without progress park a job, as they should."""

KILLS_IN_VAIN = 7
"""Ten starts without progress park a job, as they should."""

WORK = {"training": ("incoming", "queued", "running"), "intake": ("incoming",)}
"""Where jobs lie that a kind of worker has still to do with."""

PROGRESS = {"training": ("committed", "run_ended"), "intake": ("queued", "job_ended")}


@dataclass(frozen=True)
class Calm:
    """The history when nothing happens on the way."""

    end: End
    start_s: float
    """Seconds that a daemon takes before it begins to work."""
    work_s: float
    """Seconds from there to the end."""


def calm_history(root: Path) -> Calm:
    """Live through the history and measure it."""
    with Workspace(root, settings=SETTINGS) as space:
        drop_all(space)
        # The system's own time of a process's start is off by as much as the clock was set since.
        born = SystemClock().now().timestamp()
        space.start("--until-idle")
        assert space.wait_for_exit() == 0, space.story()
        [began] = space.told("started")
        [ended] = space.told("stopped")
        began_s, ended_s = _time(began["time"]), _time(ended["time"])
        return Calm(end_of(space), began_s - born, ended_s - began_s)


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def be_killed(root: Path, seed: int, kills: int, calm: Calm) -> list[str]:
    """Return what is broken after so many kills in one history."""
    with Workspace(root / "w", settings=SETTINGS) as space:
        drop_all(space)
        space.start("--until-idle")
        killer = _Killer(space, random.Random(seed), calm)
        for _ in range(kills):
            killer.strike()
        code = space.wait_for_exit()
        if code != 0:
            return [f"I8: exit status {code}", space.story()]
        found = broken(space, calm.end)
        return [*found, space.story()] if found else []


@dataclass
class _Killer:
    space: Workspace
    draw: random.Random
    calm: Calm
    begun: int = 0
    """Lives that had begun when this one was started."""
    vain: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Of each kind of worker: its progress, and all kills since it changed."""
    struck: dict[str, tuple[list[str], int]] = field(default_factory=dict)
    """Of each kind of worker: what it had done at the last kill, and the kills since then."""

    def strike(self) -> None:
        """Wait for a moment, then kill somebody; where he does not live, the daemon."""
        self._leave_time_for_progress()
        victim = self.draw.choice(("daemon", "training", "intake", "worker"))
        in_start = victim == "daemon" and self.draw.random() < IN_START
        if in_start:
            threading.Event().wait(self.draw.uniform(0.0, self.calm.start_s))
        else:
            self.space.wait("the start", self._works)
            longest_s = self.calm.work_s * LIFE
            threading.Event().wait(self.draw.triangular(0.0, longest_s, 0.0))
        kinds = ("training", "intake") if victim == "worker" else (victim,)
        if not any(self._kill_worker(kind) for kind in kinds if kind != "daemon"):
            self.space.kill_at_once()
            self.begun = len(self.space.told("started"))
            self.space.start("--until-idle")

    def _leave_time_for_progress(self) -> None:
        """Wait where a job has been begun in vain so often that once more would park it."""
        for kind in PROGRESS:
            known, times = self.vain.get(kind, (0, 0))
            if times >= KILLS_IN_VAIN:
                self.space.wait(f"progress of {kind}", partial(self._has_moved, kind, known))
            progress = self._progress(kind)
            self.vain[kind] = progress, times + 1 if progress == known else 1

    def _progress(self, kind: str) -> int:
        return sum(len(self.space.told(event)) for event in PROGRESS[kind])

    def _has_moved(self, kind: str, known: int) -> bool:
        waits = any(self.space.jobs(state) for state in WORK[kind])
        waits = waits or any(self.space.layout.inbox.glob("*.jsonl"))
        return self._progress(kind) > known or not waits

    def _works(self) -> bool:
        """Return whether this life has begun."""
        return len(self.space.told("started")) > self.begun

    def _kill_worker(self, kind: str) -> bool:
        known, times = self.struck.get(kind, ([], 0))
        if times >= WORKER_KILLS and known == self._done(kind):
            return False
        if not _kill(self.space, kind):
            return False
        # Looked at when it is dead: it may have committed in its last moment.
        done = self._done(kind)
        self.struck[kind] = done, times + 1 if done == known else 1
        return True

    def _done(self, kind: str) -> list[str]:
        """Return what changes on the disk with what a worker has done, whoever moves it now."""
        patterns = ("r*", "r*/checkpoints/c*") if kind == "training" else ("*",)
        layout = self.space.layout
        folder = layout.runs if kind == "training" else layout.queue / "incoming"
        return sorted(name for pattern in patterns for name in glob(pattern, root_dir=folder))


def _kill(space: Workspace, kind: str) -> bool:
    for worker in space.workers():
        try:
            if f"daemon.{kind}" in worker.cmdline() or kind[:5] in worker.name():
                worker.kill()
                space.wait("its end", partial(_is_dead, worker))
                return True
        except psutil.Error:
            continue
    return False


def _is_dead(process: psutil.Process) -> bool:
    return not lives(process)
