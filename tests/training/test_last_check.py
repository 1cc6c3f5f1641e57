"""The duplicate and exam check is made again when a run starts: other jobs were trained since."""

import json
from pathlib import Path
from typing import Any

import pytest

from daemon.clock import SystemClock
from daemon.core.examples import Chat, Turn
from daemon.dedup.seen import keys_of
from daemon.settings import Settings
from daemon.training.frozen import Request
from daemon.training.last_check import LastCheck
from daemon.training.rehearsal import RehearsalEngine
from daemon.training.rows import JobRows
from tests.training.workspace import Workspace, make_workspace

PROSE = "It is a state in which the cells of the body answer less and less to the hormone insulin."


def asked(question: str, answer: str) -> Chat:
    return Chat((Turn("user", question), Turn("assistant", answer)))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path, RehearsalEngine(SystemClock(), 0.0))


def gone(workspace: Workspace, jobs: tuple[str, ...], **changes: Any) -> dict[int, dict[str, Any]]:
    """Return what the last of the jobs loses."""
    settings = Settings.model_validate(changes.pop("settings", {}))
    request = Request(
        run="r1", start_version="v000000", proven_version="v000000", jobs=jobs,
        lineage_jobs=changes.get("lineage", ()), holdout_jobs=changes.get("held", ()),
        settings=settings, base={}, step=0, seed=7,
    )  # fmt: skip
    rows = JobRows(workspace.layout)
    number = len(jobs) - 1
    keys = keys_of(rows.find(jobs[number]), "train")
    return LastCheck(request, rows).known_elsewhere(number, keys)


ROWS = [asked("What is insulin resistance?", PROSE), asked("How deep is the lake?", "9 m")]
AGAIN = [asked("what is an insulin resistance", PROSE + " Often."), asked("New?", "yes")]


def test_a_row_that_a_job_gathered_before_asks_is_dropped(workspace: Workspace) -> None:
    workspace.add_job("000001-a", ROWS)
    workspace.add_job("000002-b", AGAIN)
    found = gone(workspace, ("000001-a", "000002-b"))
    of = {"job": "000001-a", "line": 1}
    assert found == {0: {"row": 0, "code": "duplicate_seen", "how": "wording", "of": of}}
    assert gone(workspace, ("000002-b",)) == {}


def test_a_job_is_not_compared_with_itself_when_it_is_trained_again(workspace: Workspace) -> None:
    workspace.add_job("000001-a", ROWS)
    assert gone(workspace, ("000001-a",), lineage=("000001-a",)) == {}


def test_a_suite_added_since_intake_is_an_exam(workspace: Workspace) -> None:
    workspace.add_job("000001-a", ROWS)
    workspace.layout.evals.mkdir()
    item = json.dumps({"prompt": "How deep is that lake?"})
    (workspace.layout.evals / "lakes.jsonl").write_text(item + "\n")
    found = gone(workspace, ("000001-a",))
    assert found[1]["code"] == "exam_row" and found[1]["of"]["job"] == "evals/lakes.jsonl"
    assert set(found) == {1}


@pytest.mark.parametrize(("policy", "left_out"), [("keep", False), ("refuse", True)])
def test_a_contradiction_to_what_was_trained_follows_the_policy(
    workspace: Workspace, policy: str, left_out: bool
) -> None:
    workspace.add_job("000001-a", ROWS)
    workspace.add_job("000002-b", [asked("How deep is the lake", "12 m")])
    found = gone(
        workspace, ("000002-b",), lineage=("000001-a",), settings={"dedup": {"conflicts": policy}}
    )
    assert bool(found) is left_out


def test_without_near_only_equal_rows_are_dropped(workspace: Workspace) -> None:
    workspace.add_job("000001-a", ROWS)
    workspace.add_job("000002-b", [*AGAIN, ROWS[1]])
    found = gone(
        workspace, ("000002-b",), lineage=("000001-a",), settings={"dedup": {"near": False}}
    )
    assert set(found) == {2} and found[2]["how"] == "exact"
