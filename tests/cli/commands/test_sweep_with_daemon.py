"""A sweep beside a living daemon: between jobs, through control files and deaths."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daemon.core.evaluation.sweeps import Trial
from daemon.folders.orders import sweeps
from tests.cli.conftest import Command
from tests.end_to_end.workspace import Workspace, chats
from tests.orders import result_of

pytestmark = pytest.mark.end_to_end


@pytest.fixture
def living(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace(tmp_path / "workspace") as workspace:
        workspace.start()
        workspace.wait("the first version", lambda: workspace.layout.current_model.exists())
        yield workspace


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in chats(300)))
    return path


def trials(workspace: Workspace) -> list[Trial]:
    return sweeps.read_trials(workspace.layout.sweep("s000001"))


def result(workspace: Workspace) -> Any:
    return result_of(workspace.layout.sweep("s000001"))


def ended(workspace: Workspace) -> dict[str, Any]:
    workspace.wait("the sweep's end", lambda: workspace.told("order_ended"))
    found: dict[str, Any] | None = result(workspace)
    assert found is not None
    return found


def test_a_job_comes_in_between_two_trials(
    living: Workspace, finetuned: Command, rows: Path
) -> None:
    finetuned("sweep", rows, "--trials", "1000", "--root", living.root)
    living.wait_for_number("piece_ended", 1)
    living.drop("more.jsonl", chats(12, 1000))
    living.wait("the job's end", lambda: living.jobs("done"))
    assert living.current() == "v000001"
    between = len(living.told("piece_ended"))
    living.wait_for_number("piece_ended", between + 1)
    living.touch("skip")
    assert len(ended(living)["trials"]) > between
    request = json.loads(living.layout.sweep("s000001").request.read_bytes())
    assert request["start_version"] is None, "the sweep goes on from where it began"


def test_the_status_shows_the_sweep_as_training_with_its_file(
    living: Workspace, finetuned: Command, rows: Path
) -> None:
    finetuned("sweep", rows, "--trials", "3", "--root", living.root)

    def seen() -> dict[str, Any] | None:
        status = living.status()
        return status if (status.get("order") or {}).get("piece") else None

    status = living.wait("a trial in the status", seen)
    assert (status["status"], status["current_file"]) == ("training", "rows.jsonl")
    assert "trial" in status["message"] and status["run"] is None
    waited = finetuned("sweep", "s000001", "--wait", "--root", living.root)
    assert waited.exit_code == 0 and "all 3 trials are done" in waited.stdout
    assert ended(living)["outcome"] == "finished"


def between_trials(living: Workspace) -> bool:
    """Whether a pause came after a trial had ended and before the next one began."""
    return len(living.told("piece_begun")) == len(living.told("piece_ended"))


def test_a_pause_holds_a_sweep_and_a_skip_ends_it_with_what_it_has(
    living: Workspace, finetuned: Command, rows: Path
) -> None:
    finetuned("sweep", rows, "--trials", "50", "--root", living.root)
    living.wait_for_number("piece_ended", 1)
    living.touch("pause")
    living.wait("the pause", lambda: living.status().get("status") == "paused")
    living.wait("no trial runs", lambda: living.told("trainer_paused") or between_trials(living))
    living.touch("skip")
    found = ended(living)
    assert found["outcome"] == "skipped" and 1 <= len(found["trials"]) < 50
    assert living.told("command", command="skip", answer="done")


def test_a_sweep_outlives_the_death_of_daemon_and_trainer(
    living: Workspace, finetuned: Command, rows: Path
) -> None:
    finetuned("sweep", rows, "--trials", "4", "--root", living.root)
    living.wait_for_number("piece_ended", 1)
    living.kill_trainer()
    living.wait("the death", lambda: living.told("died"))
    living.wait_for_number("piece_ended", 2)
    living.kill()
    before = trials(living)
    living.start()
    assert len(ended(living)["trials"]) == 4
    assert trials(living)[: len(before)] == before


def test_a_stop_leaves_a_sweep_to_the_next_start(
    living: Workspace, finetuned: Command, rows: Path
) -> None:
    finetuned("sweep", rows, "--trials", "4", "--root", living.root)
    living.wait_for_number("piece_begun", 2)
    living.touch("stop")
    assert living.wait_for_exit() == 0
    assert result(living) is None and not living.layout.sweep("s000001").piece.exists()
    assert living.drain() == 0
    assert len(ended(living)["trials"]) == 4
