"""Steps of a minute with real processes: what is asked for does not wait until they are over."""

import json
import sys
from pathlib import Path

import pytest

from tests.end_to_end.workspace import Workspace, chats

SETTINGS = """
[inbox]
settle_s = 0.1
[training]
batch_rows = 30
row_tokens = 16
pass_tokens = 16
[evaluation]
eval_every = 0
samples = 0
"""
"""Each row is a pass by itself: 30 of two seconds make a step."""


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "w", settings=SETTINGS)
    made.command = (sys.executable, "-m", "tests.end_to_end.slowed")
    made.drop("a.jsonl", chats(70))
    return made


def in_a_step(space: Workspace) -> bool:
    status = space.status()
    return status.get("status") == "training" and bool(space.told("run_begun"))


def test_a_stop_in_a_step_of_a_minute_is_obeyed_before_the_trainer_would_be_killed(
    space: Workspace,
) -> None:
    """Orders were looked at between steps only: the trainer was ended by SIGKILL after 7 s.

    A trainer that was killed leaves no commit, and nothing of the passes it had computed.
    """
    with space:
        space.start()
        space.wait("a step", lambda: in_a_step(space))
        space.touch("stop")
        assert space.wait_for_exit() == 0
        [run] = space.layout.runs.glob("r*")
        assert [path.name for path in (run / "checkpoints").iterdir()] == ["c00000000"]
        assert not space.metrics() and not space.told("died")
        # A stop that comes before the first step finds no pass to keep.
        for part in run.glob("part/part.json"):
            seed, passes = json.loads(part.read_bytes())
            assert seed and passes >= 1


def test_a_pause_and_a_skip_in_a_step_of_a_minute_are_obeyed_before_it_is_over(
    space: Workspace,
) -> None:
    """A pause waited for the end of the step, and a skip killed the trainer."""
    with space:
        space.start()
        space.wait("a step", lambda: in_a_step(space))
        space.touch("pause")
        space.wait("a paused trainer", lambda: space.told("trainer_paused"))
        [trainer] = space.trainers()
        assert not space.metrics()
        space.touch("skip")
        space.wait("a skipped job", lambda: space.jobs("skipped"))
        assert trainer.is_running() and not space.told("died")
