"""The commands beside a living daemon, with the stand-in trainer."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import Result

from tests.end_to_end.workspace import Workspace, chats

Command = Callable[..., Result]
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
    path.write_text("".join(json.dumps(row) + "\n" for row in chats(40)))
    return path


def test_submit_waits_until_the_file_is_trained(
    finetuned: Command, living: Workspace, rows: Path
) -> None:
    done = finetuned("submit", rows, "--wait", "--json", "--root", living.root)
    assert done.exit_code == 0, done.stderr
    [told] = json.loads(done.stdout)
    assert (told["state"], told["version"]) == ("done", "v000001")
    listed = json.loads(finetuned("versions", "--json", "--root", living.root).stdout)
    assert [version["version"] for version in listed if version["current"]] == ["v000001"]


def test_submit_ends_badly_when_the_file_is_refused(
    finetuned: Command, living: Workspace, rows: Path
) -> None:
    rows.write_text('{"unknown": 1}\n{"unknown": 2}\n')
    done = finetuned("submit", rows, "--wait", "--root", living.root)
    assert done.exit_code == 9
    assert "refused" in done.stdout and "not trained: 000001-rows" in done.stderr


def test_pause_is_confirmed_and_resume_answered(
    finetuned: Command, living: Workspace, rows: Path
) -> None:
    assert finetuned("pause", "--root", living.root).exit_code == 0
    finetuned("submit", rows, "--root", living.root)
    living.wait("the file queued", lambda: living.jobs("normal"))
    assert json.loads(finetuned("status", "--json", "--root", living.root).stdout)["status"] == (
        "paused"
    )
    done = finetuned("resume", "--root", living.root)
    assert done.exit_code == 0
    assert "resumes" in done.stdout
    living.wait("the file trained", lambda: living.jobs("done"))


def test_rollback_and_retrain_are_answered(
    finetuned: Command, living: Workspace, rows: Path
) -> None:
    finetuned("submit", rows, "--wait", "--root", living.root)
    assert finetuned("rollback", "--root", living.root).exit_code == 0
    assert living.current() == "v000000"
    done = finetuned("retrain", "1", "--root", living.root)
    assert done.exit_code == 0, done.stderr
    living.wait("the job trained again", lambda: living.layout.version("v000002").is_dir())


def test_a_request_the_daemon_refuses_has_its_own_exit_code(
    finetuned: Command, living: Workspace
) -> None:
    done = finetuned("skip", "--root", living.root)
    assert done.exit_code == 8
    assert "no run is in progress" in done.stderr
    assert finetuned("run", "--root", living.root).exit_code == 4


def test_stop_returns_when_the_daemon_has_left(finetuned: Command, living: Workspace) -> None:
    assert finetuned("stop", "--root", living.root).exit_code == 0
    assert living.wait_for_exit() == 0
    assert finetuned("stop", "--root", living.root).exit_code == 7
