"""The trainer's part of an audit: what it asks, and how it ends where it cannot compare."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from daemon.clock import SystemClock
from daemon.core import messages as say
from daemon.core.decisions.audits import audit_request
from daemon.folders.models.models import Models
from daemon.folders.orders import orders
from daemon.folders.queue.queue import Queue
from daemon.settings import Settings
from daemon.supervisor.auditing import order_audit
from daemon.training.engine.protocol import ADAPTER
from daemon.training.engine.stub import RehearsalEngine
from tests.orders import result_of
from tests.training.workspace import Workspace, chats, make_workspace

FIRST, MORE = "000001-sums", "000002-more"


def engine() -> RehearsalEngine:
    return RehearsalEngine(SystemClock(), 0.0)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = make_workspace(tmp_path / "w", engine())
    for number, job in ((1, FIRST), (2, MORE)):
        made.add_job(job, chats(8, job[7:]), chats(9, f"held {job}"))
        run, start = f"r{number:06d}", f"v{number - 1:06d}"
        made.ask_run(run, [job], start, step=4 * (number - 1))
        made.serve(engine(), say.Train(run))
        made.seal(run, f"v{number:06d}")
    return made


def order(workspace: Workspace, rows: int = 256, exam_jobs: Sequence[str] = ()) -> str:
    versions = dict(Models(workspace.layout).versions())
    settings = Settings.model_validate({"gate": {"audit_rows": rows}}).model_dump(mode="json")
    # As sealed here, both are proven.
    versions["v000002"] = replace(versions["v000002"], verdict="unproven")
    now = "2026-01-01T00:00:00+00:00"
    request = audit_request(versions["v000002"], versions, settings, now, exam_jobs)
    assert request is not None and request.jobs == (FIRST, MORE)
    return order_audit(workspace.layout, request)


def result(workspace: Workspace, name: str) -> Any:
    found = result_of(workspace.layout.order(name))
    assert found is not None
    return found


def test_the_judge_rows_of_every_file_of_the_lineage_are_asked(workspace: Workspace) -> None:
    name = order(workspace)
    pipe = workspace.serve(engine(), say.CarryOut(name))
    assert pipe.kinds()[-2:] == ["UnitBegun", "OrderEnded"]
    found = result(workspace, name)
    tests = found["tests"]
    assert isinstance(tests, list)
    halves = [
        json.loads(line)["half"]
        for job in (FIRST, MORE)
        for line in workspace.layout.job("running", job).holdout.read_text().splitlines()
    ]
    assert (tests[0]["name"], tests[0]["metric"]) == ("lineage_holdout", "loss")
    assert tests[0]["items"] == halves.count("judge")
    lines = (workspace.layout.order(name).folder / "details.jsonl").read_text().splitlines()
    assert {json.loads(line)["job"] for line in lines} == {FIRST, MORE}


def test_rows_that_are_measured_with_only_are_asked_as_in_a_verdict(workspace: Workspace) -> None:
    """Fault: an audit left out what was dropped as an exam, on which a verdict may rest."""
    exam = "000003-exam"
    workspace.add_job(exam, [], chats(9, f"held {exam}"))
    place = workspace.layout.job("running", exam)
    place.train.unlink()
    queue = Queue(workspace.layout, SystemClock())
    queue.make_folders()
    assert queue.only_exams() == [exam]
    name = order(workspace, exam_jobs=[exam])
    workspace.serve(engine(), say.CarryOut(name))
    lines = (workspace.layout.order(name).folder / "details.jsonl").read_text().splitlines()
    assert {json.loads(line)["job"] for line in lines} == {FIRST, MORE, exam}


def test_no_more_rows_are_scored_than_the_settings_allow(workspace: Workspace) -> None:
    name = order(workspace, rows=5)
    workspace.serve(engine(), say.CarryOut(name))
    tests = result(workspace, name)["tests"]
    assert isinstance(tests, list) and tests[0]["items"] == 5


def test_a_damaged_version_is_no_reason_to_roll_back(workspace: Workspace) -> None:
    name = order(workspace)
    path = workspace.layout.version("v000002") / ADAPTER
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")
    workspace.serve(engine(), say.CarryOut(name))
    found = result(workspace, name)
    assert found["outcome"] == "failed" and "v000002 cannot be compared" in str(found["message"])


def test_a_skipped_audit_ends_without_a_comparison(workspace: Workspace) -> None:
    name = order(workspace)
    orders.Orders(workspace.layout).skip(name)
    workspace.serve(engine(), say.CarryOut(name))
    assert result(workspace, name)["outcome"] == "skipped"
    assert workspace.layout.order(name).report.exists()


def test_an_audit_that_kills_the_trainer_again_and_again_is_given_up(workspace: Workspace) -> None:
    name = order(workspace)
    for _ in range(3):
        orders.begin_unit(workspace.layout.order(name), 1)
    workspace.serve(engine(), say.CarryOut(name))
    found = result(workspace, name)
    assert found["outcome"] == "failed" and "died 3 times" in str(found["message"])
