"""Kills daemon, intake worker and trainer at random moments, also while they recover."""

import random
import threading
from pathlib import Path

import psutil

from tests.end_to_end.workspace import Workspace
from tests.reliability.scenario import SETTINGS, End, broken, drop_all

LONGEST_S = 2.5
"""A kill comes at any moment between a start and so long after it."""

WORKER_KILLS = 2
"""Three deaths of a worker without progress park a job, as they should."""


def be_killed(root: Path, seed: int, kills: int, calm: End) -> list[str]:
    """Return what is broken after so many kills in one history."""
    draw = random.Random(seed)
    left = {"training": WORKER_KILLS, "intake": WORKER_KILLS}
    with Workspace(root / "w", settings=SETTINGS) as space:
        drop_all(space)
        space.start("--until-idle")
        for _ in range(kills):
            threading.Event().wait(draw.uniform(0.05, LONGEST_S))
            worker = draw.choice(("daemon", "daemon", "training", "intake"))
            if worker != "daemon" and left[worker] and _kill_worker(space, worker):
                left[worker] -= 1
            else:
                space.kill()
                space.start("--until-idle")
        code = space.wait_for_exit()
        if code != 0:
            return [f"I8: exit status {code}", space.story()]
        found = broken(space, calm)
        return [*found, space.story()] if found else []


def _kill_worker(space: Workspace, kind: str) -> bool:
    for worker in space.workers():
        try:
            if f"daemon.{kind}" in worker.cmdline() or kind[:5] in worker.name():
                worker.kill()
                return True
        except psutil.Error:
            continue
    return False
