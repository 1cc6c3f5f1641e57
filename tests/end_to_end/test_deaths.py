"""What a trainer dies of, told apart by a whole daemon."""

import sys
from pathlib import Path

import pytest

from tests.end_to_end.workspace import Workspace, chats

NO_COMMITS = (
    "[inbox]\nsettle_s = 0.1\n[checkpoint]\nseconds = 3600\n"
    "[training]\nepochs = 30\n[evaluation]\neval_every = 0\n"
)
OUT_OF_MEMORY = (
    "libc++abi: terminating due to uncaught exception of type std::runtime_error: [METAL] Command "
    "buffer execution failed: Insufficient Memory (kIOGPUCommandBufferCallbackErrorOutOfMemory)"
)
DEATHS = 4

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="another process's stderr is reached by /proc"
)


def test_deaths_of_memory_are_said_and_do_not_park_a_job(tmp_path: Path) -> None:
    """Faults T14, Q7."""
    with Workspace(tmp_path / "w", settings=NO_COMMITS) as space:
        space.drop("a.jsonl", chats(60))
        space.start()
        for number in range(1, DEATHS + 1):
            space.wait_for_number("run_begun", number)
            space.abort_trainer(OUT_OF_MEMORY)
            space.wait_for_number("died", number)
        space.wait("a done job", lambda: space.jobs("done"))
        told = space.told("died", cause="memory")
        assert len(told) == DEATHS and "Insufficient Memory" in told[0]["message"]
        assert space.jobs("failed") == []


def test_three_plain_kills_still_park_it_and_are_not_called_memory(tmp_path: Path) -> None:
    """Faults Q5, T14."""
    with Workspace(tmp_path / "w", settings=NO_COMMITS) as space:
        space.drop("a.jsonl", chats(60))
        space.start()
        for number in range(1, 4):
            space.wait_for_number("run_begun", number)
            space.kill_trainer()
            space.wait_for_number("died", number)
        space.wait("a parked job", lambda: space.jobs("failed"))
        assert len(space.told("died", cause="other")) == len(space.told("died")) == 3


def test_a_trainer_killed_while_it_prepares_the_base_begins_again_three_times_is_a_problem(
    tmp_path: Path,
) -> None:
    """Fault Q5: a kill by the system is no judgement about the model."""
    with Workspace(tmp_path / "w", settings=NO_COMMITS) as space:
        space.start()
        for number in (1, 2):
            space.wait_for_number("preparing", number)
            space.wait("a trainer", space.trainers)
            space.kill_trainer()
            space.wait_for_number("died", number)
        space.wait_for_number("prepared", 1)
        space.kill()
    with Workspace(tmp_path / "x", settings=NO_COMMITS) as space:
        space.start()
        for number in (1, 2, 3):
            space.wait_for_number("preparing", number)
            space.wait("a trainer", space.trainers)
            space.kill_trainer()
            space.wait_for_number("died", number)
        blocked = space.wait("a blocked state", lambda: space.status()["status"] == "blocked")
        assert blocked and "died 3 times (SIGKILL)" in space.status()["message"]
