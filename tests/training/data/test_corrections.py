"""What a run does with rows and exams that a later file has corrected (docs/protocol.md, R53)."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from daemon.clock import SystemClock
from daemon.core.records import from_json_value, to_json_value
from daemon.core.rows.examples import Chat, Turn
from daemon.core.training.fallback import Fallback
from daemon.core.training.replay_aim import ReplayAim
from daemon.dedup.seen import keys_of
from daemon.settings import Settings
from daemon.training.data.corrections import shown
from daemon.training.data.eligibility import Eligibility
from daemon.training.data.replay import draw_earlier
from daemon.training.data.rows import JobRows
from daemon.training.engine.stub import RehearsalEngine
from daemon.training.machine.compute_plan import ComputePlan
from daemon.training.records.choices import Choices, Request
from daemon.training.run.freeze import choose
from tests.manifests import BASE
from tests.training.workspace import Workspace, make_workspace

OLD, NEW = "000001-old", "000002-new"


def lakes(first: int, numbers: Sequence[int]) -> list[Chat]:
    """Rows that ask how deep lakes are, with answers that depend on `first`."""
    return [
        Chat(
            (Turn("user", f"How deep is the lake number {n}?"), Turn("assistant", f"{n + first} m"))
        )
        for n in numbers
    ]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    found = make_workspace(tmp_path, RehearsalEngine(SystemClock(), 0.0))
    found.add_job(OLD, lakes(0, range(6)), lakes(0, range(20, 24)), state="done")
    found.add_job(NEW, lakes(50, range(3)), lakes(50, range(20, 22)), state="done")
    return found


def request_of(jobs: tuple[str, ...], lineage: tuple[str, ...], **dedup: Any) -> Request:
    return Request(
        run="r1",
        start_version="v000000",
        proven_version="v000000",
        jobs=jobs,
        lineage_jobs=lineage,
        holdout_jobs=(OLD, NEW),
        settings=Settings.model_validate({"dedup": dedup}),
        base=BASE,
        step=0,
        seed=7,
    )


def left_out(workspace: Workspace, job: str, request: Request) -> dict[int, str]:
    """Return the rows of a job that a run leaves out, and why."""
    rows = JobRows(workspace.layout)
    replayed = job not in request.jobs
    found = Eligibility(request, rows).ineligible(job, keys_of(rows.find(job), "train"), replayed)
    return {row: record.code for row, record in found.items()}


CORRECTED = dict.fromkeys(range(3), "superseded")


def test_a_corrected_row_is_not_replayed_and_comes_back_without_its_correction(
    workspace: Workspace,
) -> None:
    """Replay taught the old price again beside the new one."""
    workspace.add_job("000003-more", lakes(0, [99]))
    more = ("000003-more",)
    assert left_out(workspace, OLD, request_of(more, (OLD, NEW))) == CORRECTED
    assert left_out(workspace, OLD, request_of(more, (OLD,))) == {}
    request, rows = request_of(more, (OLD, NEW)), JobRows(workspace.layout)
    drawn = draw_earlier(request, rows, Eligibility(request, rows), 12, {})
    assert set(drawn) == {(OLD, 3), (OLD, 4), (OLD, 5), (NEW, 0), (NEW, 1), (NEW, 2)}


def test_the_run_that_corrects_replays_the_old_answers_no_more(workspace: Workspace) -> None:
    request = request_of((NEW,), (OLD,))
    assert left_out(workspace, NEW, request) == {}
    assert left_out(workspace, OLD, request) == CORRECTED


def test_of_files_that_are_trained_together_the_later_one_counts(workspace: Workspace) -> None:
    assert left_out(workspace, OLD, request_of((OLD, NEW), ())) == CORRECTED
    assert left_out(workspace, NEW, request_of((OLD, NEW), ())) == {}


def test_newer_is_the_arrival_and_not_the_order_of_training(workspace: Workspace) -> None:
    """A file that waited is trained after the one that corrects it, and must not undo it."""
    assert left_out(workspace, OLD, request_of((OLD,), (NEW,))) == CORRECTED
    assert left_out(workspace, OLD, request_of((OLD,), (OLD, NEW))) == CORRECTED


@pytest.mark.parametrize("policy", ["keep", "refuse"])
def test_by_another_setting_nothing_is_superseded(workspace: Workspace, policy: str) -> None:
    assert left_out(workspace, OLD, request_of((), (OLD, NEW), corrections=policy)) == {}
    refused = left_out(workspace, NEW, request_of((NEW,), (OLD,), corrections=policy))
    assert set(refused.values()) == ({"conflict"} if policy == "refuse" else set())


def frozen(workspace: Workspace, jobs: tuple[str, ...], lineage: tuple[str, ...]) -> Choices:
    """Return the choices of a run, as they are read again from `run.json`."""
    shape = ComputePlan(512, 64, Fallback(0, 512), None)
    request, rows = request_of(jobs, lineage), JobRows(workspace.layout)
    choices = choose(request, rows, {}, "2026-01-01T00:00:00+00:00", shape, ReplayAim(0.2))
    return from_json_value(json.loads(json.dumps(to_json_value(choices))), Choices)


def test_the_run_that_corrects_an_exam_shows_it_and_judges_by_neither_answer(
    workspace: Workspace,
) -> None:
    choices = frozen(workspace, (NEW,), (OLD,))
    items = {((OLD, row), (NEW, row - 3)) for row in (6, 7)}
    assert set(choices.corrected) == set(choices.answered_by) == items
    judged = {*choices.judge, *choices.tune, *choices.earlier, *choices.samples}
    assert not judged & {item for pair in items for item in pair}
    said = shown(choices.corrected, JobRows(workspace.layout))
    assert [(one.old, one.new) for one in said] == [("20 m", "70 m"), ("21 m", "71 m")]


def test_later_runs_are_measured_with_the_new_answers(workspace: Workspace) -> None:
    workspace.add_job("000003-more", lakes(0, range(30, 34)), lakes(0, range(40, 44)))
    more = ("000003-more",)
    choices = frozen(workspace, more, (OLD, NEW))
    assert set(choices.earlier) == {(OLD, 8), (NEW, 4)} and choices.corrected == ()
    assert ((OLD, 7), (NEW, 4)) in choices.answered_by
    later = frozen(workspace, more, (OLD,))
    assert set(later.earlier) == {(OLD, 6), (OLD, 8)} and later.answered_by == ()


def test_replay_is_never_aimed_by_items_that_were_corrected(workspace: Workspace) -> None:
    """The loss of an old answer rises because it was corrected: replay would teach it again."""
    workspace.add_job("000003-more", lakes(0, range(30, 34)), lakes(0, range(40, 44)))
    more = ("000003-more",)
    untouched = frozen(workspace, more, (OLD,))
    assert set(untouched.earlier_tune) == {(OLD, 7), (OLD, 9)}
    # In the run that corrects it, and in all later ones, whose losses aim the next replay.
    assert set(frozen(workspace, (NEW,), (OLD,)).earlier_tune) == {(OLD, 9)}
    assert (OLD, 7) not in frozen(workspace, more, (OLD, NEW)).earlier_tune


def test_a_run_of_before_there_were_corrections_has_none(workspace: Workspace) -> None:
    workspace.add_job("000003-more", lakes(0, range(30, 34)), lakes(0, range(40, 44)))
    record = to_json_value(frozen(workspace, ("000003-more",), (OLD, NEW)))
    del record["answered_by"], record["corrected"]
    assert from_json_value(record, Choices).corrected == ()
