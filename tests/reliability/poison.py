"""A job that is the death of its trainer each time, and a good one behind it."""

import os
import signal
from pathlib import Path

from daemon import failpoints
from tests.end_to_end.workspace import Workspace, chats
from tests.reliability.faults import asked

SETTINGS = (
    "[inbox]\nsettle_s = 0.05\n[run]\ngather_rows = 1\nloss_curve = false\n"
    "[trainer]\nsilent_s = 1.0\n"
    "[checkpoint]\nseconds = 3600\n{commits}"
    "[training]\nepochs = 8\nbatch_rows = 4\n[evaluation]\neval_every = 0\n"
)
WAYS = ("exception", "SIGABRT", "SIGSEGV", "SIGKILL", "hang")
DEATHS = 3
COMMIT = "training:append.opened:1:EACCES"
"""A commit that is refused is an exception like any other."""


def be_poisoned(root: Path, way: str) -> list[str]:
    """Return what is wrong after a job has died so often, and was asked for again."""
    fired = root / "fired"
    fired.touch()
    raises = way == "exception"
    faults = {failpoints.POINT: COMMIT, failpoints.FIRED: str(fired)} if raises else {}
    settings = SETTINGS.format(commits="steps = 2\n" if raises else "")
    with asked(faults), Workspace(root / "w", settings=settings) as space:
        space.drop("bad.jsonl", chats(24))
        space.start()
        space.wait("a queued job", lambda: space.told("queued"))
        space.drop("good.jsonl", chats(24, start=100))
        for number in range(1, DEATHS + 1):
            fired.unlink(missing_ok=True)
            space.wait_for_number("run_begun", number)
            if not raises:
                _strike(space, way)
            space.wait_for_number("died", number)
        fired.touch()
        space.wait("a parked job", lambda: space.jobs("failed"))
        space.wait("the good one", lambda: space.jobs("done"))
        found = _told(space)
        [parked] = space.jobs("failed")
        space.touch("retry", parked)
        space.wait("both jobs", lambda: len(space.jobs("done")) == 2 and not space.jobs("failed"))
        found += [] if space.terminate() == 0 else ["I8: it does not leave"]
        return [*found, space.story()] if found else []


def _strike(space: Workspace, way: str) -> None:
    for trainer in space.trainers():
        number = signal.SIGSTOP if way == "hang" else signal.Signals[way]
        os.kill(trainer.pid, number)


def _told(space: Workspace) -> list[str]:
    """Return what is wrong with the park: its reason, or what came before the next job."""
    card = space.job("failed")
    found = []
    if card["outcome"] != "crashed" or "crashed the trainer 3 times" not in card["reason"]:
        found.append(f"Q5: parked as {card['outcome']}: {card['reason']}")
    told = [e["event"] for e in space.events() if e["event"] != "noise"]
    after = told[told.index("job_ended") : told.index("job_ended") + 4]
    if after != ["job_ended", "run_ended", "run_opened", "run_begun"]:
        found.append(f"Q5: between the parked job and the next one came {after}")
    return found
