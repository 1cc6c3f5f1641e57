"""Sweeps with the rehearsal engine: files are real, trials are cheap."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from daemon.clock import SystemClock
from daemon.core import messages as say
from daemon.core.evaluation.sweeps import SweepRequest, Trial, space_around
from daemon.core.messages import Order, Report
from daemon.core.records import from_json_value, to_json_value
from daemon.core.workspace.orders import SWEEP, Header
from daemon.folders.orders import orders, sweeps
from daemon.settings import Settings
from daemon.settings_file import parse_settings
from daemon.training.engine.stub import RehearsalEngine
from daemon.training.orders.sweep_report import differences
from tests.orders import result_of, sweep_request
from tests.training.workspace import (
    SETTINGS,
    ScriptedPipe,
    Workspace,
    chats,
    make_workspace,
    silent,
)

JOB = "000001-sums"
DEFAULT = {
    "learning_rate": 5e-4,
    "batch_rows": 4,
    "decay_share": 0.2,
    "rank": 2,
    "scale": 2.0,
    "num_layers": 16,
}


def engine() -> RehearsalEngine:
    return RehearsalEngine(SystemClock(), 0.0)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = make_workspace(tmp_path / "w", engine())
    made.add_job(JOB, chats(30), chats(24, "held"), state="done")
    return made


def ask(workspace: Workspace, **changes: Any) -> str:
    settings = Settings.model_validate(SETTINGS).model_dump(mode="json")
    plain = sweep_request(workspace.facts, DEFAULT, job=JOB, settings=settings)
    wanted = replace(plain, **changes)
    rows = workspace.layout.job("done", JOB)
    return orders.create(
        workspace.layout,
        SWEEP,
        Header("", wanted.created_at, wanted.file),
        lambda built, name: sweeps.fill(built, rows, replace(wanted, sweep=name)),
    )


def again(report: Report) -> Sequence[Order]:
    """Go on after each trial, as the supervisor does where nothing else waits."""
    return [say.CarryOut(report.order)] if isinstance(report, say.UnitEnded) else ()


def trials_of(workspace: Workspace, sweep: str) -> list[Any]:
    found = sweeps.read_trials(workspace.layout.sweep(sweep))
    return list(json.loads(json.dumps(to_json_value(found))))


def found_by(workspace: Workspace, sweep: str) -> dict[str, Any]:
    found = result_of(workspace.layout.sweep(sweep))
    assert isinstance(found, dict)
    return found


def finish(workspace: Workspace, sweep: str) -> ScriptedPipe:
    return workspace.serve(engine(), say.CarryOut(sweep), react=again)


def test_one_order_is_one_trial_so_that_jobs_come_in_between(workspace: Workspace) -> None:
    sweep = ask(workspace)
    pipe = workspace.serve(engine(), say.CarryOut(sweep))
    kinds = pipe.kinds()
    assert kinds[1] == "UnitBegun" and kinds[-1] == "UnitEnded"
    assert kinds.count("UnitStepped") == 8
    (trial,) = trials_of(workspace, sweep)
    assert trial["setting"] == DEFAULT
    assert len(trial["rows"]) == 12, "the judge half is not looked at"
    assert not workspace.layout.sweep(sweep).result.exists()


def test_a_sweep_ends_in_a_table_a_picture_and_a_section_that_settings_accept(
    workspace: Workspace,
) -> None:
    sweep = ask(workspace)
    pipe = finish(workspace, sweep)
    assert pipe.kinds()[-1] == "OrderEnded"
    assert pipe.kinds().count("UnitEnded") == 6
    place = workspace.layout.sweep(sweep)
    result = found_by(workspace, sweep)
    assert result["outcome"] == "finished" and len(result["trials"]) == 6
    assert place.picture.read_bytes().startswith(b"\x89PNG")
    page = place.report.read_text()
    assert page.count("\n| ") == 8 and result["training"].strip() in page
    settings = parse_settings(result["training"], "the section")
    best = result["trials"][result["best"] - 1]
    assert settings.training.learning_rate == best["setting"]["learning_rate"]
    assert settings.training.epochs == SETTINGS["training"]["epochs"]


def test_the_best_is_at_least_as_good_as_the_default_and_its_interval_says_how_sure(
    workspace: Workspace,
) -> None:
    sweep = ask(workspace)
    finish(workspace, sweep)
    result = found_by(workspace, sweep)
    rows = result["trials"]
    best = rows[result["best"] - 1]
    assert best["loss"] <= rows[0]["loss"]
    # The rehearsed loss falls quicker with a higher rate, for every row alike.
    assert result["best"] != 1 and result["proven"]
    assert best["low"] <= best["change"] <= best["high"] < 0.0
    lower = rows[1]
    assert lower["setting"]["learning_rate"] < DEFAULT["learning_rate"] and lower["low"] > 0.0


def test_variants_of_one_question_are_one_row_of_a_sweep() -> None:
    """Twelve variants of three questions counted as twelve rows: the best was called proven."""
    before = [2.0] * 12
    after = [2.0 + change for change in (-0.4, -0.3, 0.1) for _ in range(4)]
    default, other = (
        Trial(
            number,
            {},
            "finished",
            ((1.0, sum(losses) / 12),),
            tuple((x, 1) for x in losses),
            1,
            1.0,
        )
        for number, losses in ((1, before), (2, after))
    )
    (alone,) = differences([default, other], 7)
    (together,) = differences([default, other], 7, [number // 4 for number in range(12)])
    assert alone.proven and not together.proven and together.change == alone.change


def test_the_first_three_trials_compare_rates_alone(workspace: Workspace) -> None:
    sweep = ask(workspace, trials=3, space={})
    finish(workspace, sweep)
    settings = [trial["setting"] for trial in trials_of(workspace, sweep)]
    assert [setting["learning_rate"] for setting in settings] == [5e-4, 1.58e-4, 1.58e-3]
    assert all({**setting, "learning_rate": 5e-4} == DEFAULT for setting in settings)
    assert [row["outcome"] for row in found_by(workspace, sweep)["trials"]] == ["finished"] * 3


def test_a_sweep_that_was_killed_after_any_trial_proposes_the_same_settings(
    workspace: Workspace,
) -> None:
    whole, parts = ask(workspace), ask(workspace)
    finish(workspace, whole)
    while not workspace.layout.sweep(parts).result.exists():
        workspace.serve(engine(), say.CarryOut(parts))
    for one, other in zip(trials_of(workspace, whole), trials_of(workspace, parts), strict=True):
        assert (one["setting"], one["curve"]) == (other["setting"], other["curve"])


def test_a_trial_that_is_left_is_no_trial_and_begins_again(workspace: Workspace) -> None:
    sweep = ask(workspace)

    def leave(report: Report) -> Sequence[Order]:
        return [say.Stop()] if isinstance(report, say.UnitStepped) and report.step == 3 else ()

    for _ in range(4):
        workspace.serve(engine(), say.CarryOut(sweep), react=leave)
        assert trials_of(workspace, sweep) == []
        assert not workspace.layout.sweep(sweep).piece.exists()
    workspace.serve(engine(), say.CarryOut(sweep))
    assert trials_of(workspace, sweep)[0]["outcome"] == "finished"


def test_a_pause_waits_within_the_trial(workspace: Workspace) -> None:
    sweep = ask(workspace)

    def react(report: Report) -> Sequence[Order]:
        match report:
            case say.UnitStepped(_, 3):
                return [say.Pause()]
            case say.Paused():
                return [say.Resume()]
        return ()

    kinds = workspace.serve(engine(), say.CarryOut(sweep), react=react).kinds()
    assert kinds[kinds.index("Paused") + 1] == "UnitStepped"
    assert kinds.count("UnitStepped") == 8 and kinds[-1] == "UnitEnded"


def test_a_sweep_that_is_skipped_ends_with_what_it_has(workspace: Workspace) -> None:
    sweep = ask(workspace)
    for _ in range(2):
        workspace.serve(engine(), say.CarryOut(sweep))
    orders.Orders(workspace.layout).skip(sweep)
    assert workspace.serve(engine(), say.CarryOut(sweep)).kinds()[-1] == "OrderEnded"
    result = found_by(workspace, sweep)
    assert (result["outcome"], len(result["trials"])) == ("skipped", 2)
    assert result["training"] is not None


def test_a_sweep_that_is_skipped_before_its_first_trial_says_that_nothing_can_be_said(
    workspace: Workspace,
) -> None:
    sweep = ask(workspace)
    orders.Orders(workspace.layout).skip(sweep)
    workspace.serve(engine(), say.CarryOut(sweep))
    result = found_by(workspace, sweep)
    assert result["training"] is None and "there is no result" in result["message"]


def test_an_end_that_was_not_heard_is_told_again(workspace: Workspace) -> None:
    sweep = ask(workspace, trials=1)
    finish(workspace, sweep)
    assert workspace.serve(engine(), say.CarryOut(sweep)).kinds() == ["Ready", "OrderEnded"]


def test_a_hopeless_trial_is_cut_short_and_the_rates_never_are(workspace: Workspace) -> None:
    sweep = ask(workspace, trials=14)
    finish(workspace, sweep)
    outcomes = [row["outcome"] for row in found_by(workspace, sweep)["trials"]]
    assert outcomes[:3] == ["finished"] * 3
    assert "pruned" in outcomes
    for trial in trials_of(workspace, sweep):
        if trial["outcome"] == "pruned":
            assert len(trial["curve"]) < 4 and trial["rows"] == []


def test_no_trial_begins_after_the_time_is_spent(workspace: Workspace) -> None:
    sweep = ask(workspace, minutes=1e-9)
    finish(workspace, sweep)
    result = found_by(workspace, sweep)
    assert len(result["trials"]) == 1 and "minutes are spent" in result["message"]


def test_at_most_so_many_rows_are_trained_and_the_same_ones_in_each_trial(
    workspace: Workspace,
) -> None:
    sweep = ask(workspace, trials=3, rows=8)
    finish(workspace, sweep)
    assert [trial["steps"] for trial in trials_of(workspace, sweep)] == [2, 2, 2]


def test_trials_begin_where_the_version_ends_and_leave_it_alone(workspace: Workspace) -> None:
    workspace.add_job("000002-first", chats(16, "first"))
    workspace.ask_run("r000001", ["000002-first"])
    workspace.serve(engine(), say.Train("r000001"))
    workspace.seal("r000001", "v000001")
    before = {p.name: p.read_bytes() for p in workspace.layout.version("v000001").iterdir()}
    fixed = space_around(DEFAULT, 4, False)
    grown = ask(workspace, start_version="v000001", step=8, trials=1, space=fixed)
    fresh = ask(workspace, trials=1)
    for sweep in (grown, fresh):
        finish(workspace, sweep)
    begins = [trials_of(workspace, sweep)[0]["curve"][0] for sweep in (grown, fresh)]
    assert begins[0][0] == begins[1][0] == 0.0 and begins[0][1] < begins[1][1]
    after = {p.name: p.read_bytes() for p in workspace.layout.version("v000001").iterdir()}
    assert before == after


def test_a_damaged_version_ends_the_sweep_by_the_name_of_its_file(workspace: Workspace) -> None:
    sweep = ask(workspace, start_version="v000000")
    (workspace.layout.version("v000000") / "adapters.safetensors").write_bytes(b"x")
    finish(workspace, sweep)
    result = found_by(workspace, sweep)
    assert result["outcome"] == "failed" and "adapters.safetensors" in result["message"]


def test_an_orphan_writes_no_trial(workspace: Workspace) -> None:
    sweep = ask(workspace)
    workspace.serve(engine(), say.CarryOut(sweep), react=silent, parent=False)
    assert trials_of(workspace, sweep) == []


def test_a_sweep_needs_its_job_no_more(workspace: Workspace) -> None:
    sweep = ask(workspace, trials=1)
    workspace.layout.job("done", JOB).train.unlink()
    finish(workspace, sweep)
    assert found_by(workspace, sweep)["best"] == 1


def test_the_request_survives_its_file(workspace: Workspace) -> None:
    sweep = ask(workspace)
    record = json.loads(workspace.layout.sweep(sweep).request.read_bytes())
    read = from_json_value(record, SweepRequest)
    assert json.loads(json.dumps(to_json_value(read))) == record
    assert read.space == space_around(DEFAULT, 4, True)
