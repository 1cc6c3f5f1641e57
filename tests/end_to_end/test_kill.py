"""kill -9 of daemon and trainer in the middle of training."""

from pathlib import Path

import pytest

from tests.end_to_end.workspace import Workspace, chats

SETTINGS = (
    "[inbox]\nsettle_s = 0.1\n[checkpoint]\nsteps = 4\n"
    "[training]\nepochs = 30\n[evaluation]\neval_every = 25\n"
)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> str:
    with Workspace(tmp_path_factory.mktemp("calm") / "w", settings=SETTINGS) as space:
        space.drop("a.jsonl", chats(60))
        assert space.drain() == 0
        return space.digest("v000001")


@pytest.mark.parametrize("step", [1, 30, 77])
@pytest.mark.parametrize("victim", ["daemon", "trainer"])
def test_the_final_adapter_is_that_of_an_undisturbed_run(
    undisturbed: str, tmp_path: Path, victim: str, step: int
) -> None:
    """Faults Q1, T1, T9, invariants I2, I3."""
    with Workspace(tmp_path / "w", settings=SETTINGS) as space:
        space.drop("a.jsonl", chats(60))
        space.start()
        space.wait("steps", lambda: len(space.metrics()) >= step)
        if victim == "daemon":
            space.kill()
            space.start()
        else:
            space.kill_trainer()
            space.wait("the death", lambda: space.told("died"))
        space.wait("a done job", lambda: space.jobs("done"))
        space.wait("a version", lambda: space.current() == "v000001")
        assert space.digest("v000001") == undisturbed
        assert len(space.manifest("v000001")["job_ids"]) == 1
        assert space.manifest("v000001")["rows_by_job"][space.jobs("done")[0]] == 54


def test_a_kill_after_training_completes_the_promotion_without_training_again(
    tmp_path: Path,
) -> None:
    """Fault T9, invariants I4, I8."""
    with Workspace(tmp_path / "w", settings=SETTINGS) as space:
        space.drop("a.jsonl", chats(60))
        space.start()
        space.wait("judging", lambda: space.told("judging"))
        space.kill()
        steps = len(space.metrics())
        assert space.drain() == 0
        assert space.current() == "v000001" and len(space.metrics()) == steps


def test_a_job_that_kills_the_trainer_each_time_is_parked_and_the_next_one_trains(
    tmp_path: Path,
) -> None:
    """Fault Q5."""
    settings = SETTINGS.replace("steps = 4", "steps = 0")
    with Workspace(tmp_path / "w", settings=settings) as space:
        space.drop("a.jsonl", chats(60))
        space.start()
        for death in range(1, 4):
            space.wait_for_number("run_begun", death)
            space.kill_trainer()
            space.wait_for_number("died", death)
        space.wait("a parked job", lambda: space.jobs("failed"))
        assert "SIGKILL" in space.job("failed")["reason"]
        space.drop("b.jsonl", chats(20, start=500))
        space.wait("the next version", lambda: space.jobs("done"))


def test_what_a_dead_daemon_left_half_written_is_gone_after_the_next_start(tmp_path: Path) -> None:
    """Faults Q1, T1."""
    with Workspace(tmp_path / "w", settings=SETTINGS) as space:
        assert space.drain() == 0
        layout = space.layout
        folders = (layout.queue, layout.queue / "failed", layout.models, layout.versions)
        halves = [folder / ".tmp-1-name" for folder in (*folders, layout.status, layout.control)]
        halves.append(space.root / ".tmp-1-current_model")
        own = space.root / ".tmp-notes"
        for path in (*halves, own):
            path.write_bytes(b"half")
        assert space.drain() == 0
        assert [path for path in halves if path.exists()] == []
        assert own.exists()
