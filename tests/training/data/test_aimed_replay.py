"""Replay that is aimed at files that were forgotten."""

from collections import Counter
from pathlib import Path

import pytest

from daemon.clock import SystemClock
from daemon.settings import Settings
from daemon.training.data.eligibility import Eligibility
from daemon.training.data.replay import draw_earlier
from daemon.training.data.rows import JobRows
from daemon.training.engine.stub import RehearsalEngine
from daemon.training.records.choices import Request, RowId
from tests.manifests import BASE
from tests.training.workspace import Workspace, chats, make_workspace

A, B, NEW = "000001-a", "000002-b", "000003-new"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = make_workspace(tmp_path / "w", RehearsalEngine(SystemClock(), 0.0))
    for job in (A, B):
        made.add_job(job, chats(20, job), chats(2, f"held {job}"))
    made.add_job(NEW, chats(4, "new"))
    return made


def drawn(
    workspace: Workspace, draws: int, weights: dict[str, float], *lineage: str
) -> list[RowId]:
    request = Request(
        run="r000009",
        start_version="v000002",
        proven_version="v000002",
        jobs=(NEW,),
        lineage_jobs=lineage or (A, B),
        holdout_jobs=(),
        settings=Settings(),
        base=BASE,
        step=0,
        seed=7,
    )
    rows = JobRows(workspace.layout)
    return draw_earlier(request, rows, Eligibility(request, rows), draws, weights)


def test_a_forgotten_file_is_drawn_as_often_as_it_weighs(workspace: Workspace) -> None:
    found = drawn(workspace, 24, {A: 5.0})
    assert Counter(job for job, _ in found) == {A: 20, B: 4}
    assert len(set(found)) == 24
    # The rows come mixed, not one file after the other.
    assert [job for job, _ in found] != sorted(job for job, _ in found)


def test_no_row_is_drawn_twice_before_all_of_its_file_were(workspace: Workspace) -> None:
    counts = Counter(drawn(workspace, 60, {A: 5.0}))
    of_file = {job: [counts[job, row] for row in range(20)] for job in (A, B)}
    assert sum(of_file[A]) == 50 and set(of_file[A]) == {2, 3}
    assert sum(of_file[B]) == 10 and set(of_file[B]) == {0, 1}


def test_the_draw_is_the_same_every_time(workspace: Workspace) -> None:
    assert drawn(workspace, 24, {A: 2.0}) == drawn(workspace, 24, {A: 2.0})


def test_what_a_removed_file_would_have_got_goes_to_the_others(workspace: Workspace) -> None:
    found = drawn(workspace, 10, {"000000-gone": 9.0}, "000000-gone", A)
    assert Counter(job for job, _ in found) == {A: 10}
