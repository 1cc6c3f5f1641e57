"""The duplicate and exam check is made again when a run starts: other jobs were trained since."""

import json
from pathlib import Path
from typing import Any

import pytest

from daemon.clock import SystemClock
from daemon.core.records import to_json_value
from daemon.core.rows.examples import Chat, Turn
from daemon.core.workspace.untrained import Untrained
from daemon.dedup.seen import keys_of
from daemon.settings import Settings
from daemon.training.data.eligibility import Eligibility
from daemon.training.data.replay import draw_earlier
from daemon.training.data.rows import JobRows
from daemon.training.engine.stub import RehearsalEngine
from daemon.training.records.choices import Request, RowId
from tests.manifests import BASE
from tests.training.workspace import Workspace, make_workspace

PROSE = "It is a state in which the cells of the body answer less and less to the hormone insulin."


def asked(question: str, answer: str) -> Chat:
    return Chat((Turn("user", question), Turn("assistant", answer)))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path, RehearsalEngine(SystemClock(), 0.0))


def request_of(jobs: tuple[str, ...], **changes: Any) -> Request:
    return Request(
        run="r1",
        start_version="v000000",
        proven_version="v000000",
        jobs=jobs,
        lineage_jobs=changes.get("lineage", ()),
        holdout_jobs=changes.get("held", ()),
        settings=Settings.model_validate(changes.get("settings", {})),
        base=BASE,
        step=0,
        seed=7,
        untrained=changes.get("untrained", {}),
    )


def gone(workspace: Workspace, jobs: tuple[str, ...], **changes: Any) -> dict[int, Any]:
    """Return what the last of the jobs loses."""
    rows = JobRows(workspace.layout)
    keys = keys_of(rows.find(jobs[-1]), "train")
    eligibility = Eligibility(request_of(jobs, **changes), rows)
    found = eligibility.ineligible(jobs[-1], keys, replayed=False)
    return {row: to_json_value(why) for row, why in found.items()}


def replayed(workspace: Workspace, draws: int, **changes: Any) -> list[RowId]:
    """Return what a run of one new job draws of the lineage."""
    workspace.add_job("000009-new", [asked("Something else?", "yes")])
    request, rows = request_of(("000009-new",), **changes), JobRows(workspace.layout)
    return draw_earlier(request, rows, Eligibility(request, rows), draws, {})


def add_suite(workspace: Workspace, *questions: str) -> None:
    workspace.layout.evals.mkdir()
    items = [json.dumps({"prompt": question}) + "\n" for question in questions]
    (workspace.layout.evals / "lakes.jsonl").write_text("".join(items))


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
    add_suite(workspace, "How deep is that lake?")
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


QUESTIONS = [f"How deep is the lake number {number}, in meters?" for number in range(12)]
LAKES = [asked(question, f"{number} m") for number, question in enumerate(QUESTIONS)]


def test_a_row_that_has_become_an_exam_row_is_not_replayed(workspace: Workspace) -> None:
    """Rows of earlier runs were replayed unchecked: 40 of 40 draws were items of a suite."""
    workspace.add_job("000001-a", LAKES)
    add_suite(workspace, *QUESTIONS[:11])
    found = replayed(workspace, 5, lineage=("000001-a",))
    assert found == [("000001-a", 11)] * 5
    workspace.layout.job("running", "000009-new").folder.rename(workspace.layout.root / "away")
    add_all = workspace.layout.evals / "rest.jsonl"
    add_all.write_text(json.dumps({"prompt": QUESTIONS[11] + " Please."}) + "\n")
    assert replayed(workspace, 5, lineage=("000001-a",)) == []


def test_a_row_that_another_job_holds_out_is_not_replayed(workspace: Workspace) -> None:
    """Rows of earlier runs were replayed unchecked, though another job's exam asks them by now."""
    workspace.add_job("000001-a", LAKES[:2])
    workspace.add_job(
        "000002-b",
        [],
        [asked("Please, how deep is the lake number 0 in meters", "12 m")],
        state="done",
    )
    found = replayed(workspace, 3, lineage=("000001-a",), held=("000002-b", "000001-a"))
    assert found == [("000001-a", 1)] * 3


def test_a_row_that_its_run_put_aside_is_not_replayed(workspace: Workspace) -> None:
    """A row without a finite loss was replayed in every later run, and spoiled a step of each."""
    workspace.add_job("000001-a", LAKES[:4])
    untrained = {"000001-a": Untrained(frozenset({0, 2}), frozenset({2}))}
    found = replayed(workspace, 6, lineage=("000001-a",), untrained=untrained)
    assert set(found) == {("000001-a", 3)} and len(found) == 6


DRAWN = [
    4,
    5,
    8,
    0,
    1,
    7,
    6,
    3,
    9,
    2,
    11,
    10,
    2,
    11,
    8,
    7,
    1,
    5,
    0,
    3,
    10,
    4,
    6,
    9,
    10,
    2,
    4,
    8,
    3,
    5,
]
"""As earlier releases drew them: a run with a fixed seed trains what it always did."""


def test_rows_that_may_all_be_trained_are_drawn_as_ever(workspace: Workspace) -> None:
    workspace.add_job("000001-a", LAKES[:5])
    workspace.add_job("000002-b", LAKES[5:])
    found = replayed(workspace, 30, lineage=("000001-a", "000002-b"))
    assert found == [
        ("000001-a" if n < 5 else "000002-b", n % 5 if n < 5 else n - 5) for n in DRAWN
    ]


def test_of_rows_that_may_be_trained_none_comes_twice_before_all_have_come(
    workspace: Workspace,
) -> None:
    workspace.add_job("000001-a", LAKES)
    add_suite(workspace, *QUESTIONS[::2])
    found = [row for _, row in replayed(workspace, 15, lineage=("000001-a",))]
    assert sorted(found[:6]) == sorted(found[6:12]) == [1, 3, 5, 7, 9, 11]
    assert len(set(found[12:])) == 3
