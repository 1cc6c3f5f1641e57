"""The real trainer on a tiny random model, killed between, inside and after its steps."""

import random
import threading
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from daemon import failpoints
from tests.end_to_end.workspace import Workspace, chats
from tests.model.tiny import write_model
from tests.reliability.audit import audit
from tests.reliability.faults import asked

SETTINGS = (
    'model = "{model}"\n'
    "[inbox]\nsettle_s = 0.05\n[checkpoint]\nsteps = 3\n"
    # Two workspaces may measure two lengths of rows, and so add up in two orders. A step has
    # several passes, so that some kills come while their gradients are added up.
    "[training]\nrow_tokens = 128\npass_tokens = 128\nepochs = 8\nrank = 4\nnum_layers = 1\n"
    "dropout = 0.1\nmax_row_tokens = 512\n"
    "[evaluation]\neval_every = 10\nmax_new_tokens = 4\nsamples = 1\njudge_samples = 2\n"
)
ROWS = 60
FILES = ("adapters.safetensors", "optimizer.safetensors")
LAST_KILLS = 3
"""At the last step, while the candidate is judged, and before the link moves."""

BEFORE_LINK = "supervisor:link.begun:1:KILL"


@dataclass(frozen=True)
class Calm:
    """The undisturbed run."""

    model: str
    digests: tuple[str, ...]
    steps: int
    step_s: float
    """Median seconds of a step."""


def undisturbed(root: Path) -> Calm:
    """Train without a kill."""
    root.mkdir()
    model = str(write_model(root / "tiny"))
    with Workspace(root / "w", settings=SETTINGS.format(model=model), rehearse=False) as space:
        space.drop("a.jsonl", chats(ROWS))
        assert space.drain() == 0, space.story()
        assert not audit(space)
        seconds = sorted(line["seconds"] for line in space.metrics())
        return Calm(model, _digests(space), len(seconds), seconds[len(seconds) // 2])


def be_killed(root: Path, seed: int, kills: int, calm: Calm) -> list[str]:
    """Return what is wrong after so many kills of daemon and trainer in one run."""
    draw = random.Random(seed)
    settings = SETTINGS.format(model=calm.model)
    with Workspace(root / "w", settings=settings, rehearse=False) as space:
        space.drop("a.jsonl", chats(ROWS))
        space.start()
        at = sorted(draw.sample(range(1, calm.steps), kills - LAST_KILLS))
        for number, step in enumerate(at):
            space.wait(f"step {step}", partial(_has_come_to, space, step))
            # Somewhere inside the step that follows.
            threading.Event().wait(draw.uniform(0.0, calm.step_s))
            _kill(space, "trainer" if number % 2 else "daemon")
        _kill_at_the_end(root, space, draw, calm)
        space.wait("a version", lambda: space.jobs("done"))
        code = space.terminate()
        found = audit(space)
        if _digests(space) != calm.digests:
            found.append("I3: adapter or moments are not those of the undisturbed run")
        if space.current() != "v000001" or len(space.manifest("v000001")["job_ids"]) != 1:
            found.append(f"I4: current_model is {space.current()}")
        found += [f"I8: exit status {code}"] if code else []
        return [*found, space.story()] if found else []


def _kill_at_the_end(root: Path, space: Workspace, draw: random.Random, calm: Calm) -> None:
    """Kill the daemon at the last step and before the link moves, the trainer while it judges."""
    space.wait("the last step", partial(_has_come_to, space, calm.steps))
    space.kill()
    known = len(space.told("judging"))
    faults = {failpoints.POINT: BEFORE_LINK, failpoints.FIRED: str(root / "fired")}
    with asked(faults):
        space.start()
    space.wait("a judgement", lambda: len(space.told("judging")) > known or space.jobs("done"))
    threading.Event().wait(draw.uniform(0.0, 0.3))
    space.kill_trainer()
    space.wait("the kill before the link", lambda: (root / "fired").exists())
    space.kill()
    space.start()


def _kill(space: Workspace, victim: str) -> None:
    trainers = {worker.pid for worker in space.trainers()}
    if victim == "daemon" or not trainers:
        space.kill()
        space.start()
        return
    space.kill_trainer()
    # Nothing is told of one that had not been given its run yet.
    space.wait("its end", lambda: not trainers & {worker.pid for worker in space.workers()})


def _has_come_to(space: Workspace, step: int) -> bool:
    """Return whether a step is done; once the run is judged there is none to wait for."""
    steps = max((line["step_in_run"] for line in space.metrics()), default=0)
    return steps >= step or bool(space.told("judging"))


def _digests(space: Workspace) -> tuple[str, ...]:
    return tuple(space.digest("v000001", name) for name in FILES)
