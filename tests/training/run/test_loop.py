"""The whole procedure with the rehearsal engine: files are real, steps are cheap."""

import errno
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from daemon.clock import SystemClock
from daemon.core import messages as say
from daemon.core.messages import Report
from daemon.folders.models.models import verify
from daemon.folders.runs import runs
from daemon.training.engine.protocol import ADAPTER, MOMENTS, EncodedPass, StepResult
from daemon.training.engine.stub import RehearsalEngine
from tests.training.workspace import (
    SETTINGS,
    Workspace,
    after_steps,
    chats,
    losses_of,
    make_workspace,
)

JOB = "000001-sums"
TRAIN = say.Train("r000001")


def engine() -> RehearsalEngine:
    return RehearsalEngine(SystemClock(), 0.0)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = make_workspace(tmp_path / "w", engine())
    made.add_job(JOB, chats(30), chats(24, "held"))
    made.ask_run("r000001", [JOB])
    return made


def test_a_run_ends_in_a_complete_candidate(workspace: Workspace) -> None:
    pipe = workspace.serve(engine(), TRAIN)
    assert pipe.kinds()[:3] == ["Ready", "RunBegun", "Stepped"]
    assert pipe.kinds()[-3:] == ["Committed", "Judging", "CandidateReady"]
    assert pipe.kinds().count("Stepped") == 16
    workspace.seal("r000001", "v000001")
    version = workspace.layout.version("v000001")
    assert verify(version) is None
    assert {path.name for path in version.iterdir()} == {
        ADAPTER,
        MOMENTS,
        "adapter_config.json",
        "training_state.json",
        "training_metrics.json",
        "loss_curve.png",
        "details.jsonl",
        "evolution.jsonl",
        "report.json",
        "report.md",
        "report.html",
        "holdout_losses.json",
        "manifest.json",
        "manifest.sha256",
        "run.json",
    }
    draft = workspace.read(version / "manifest.json")
    assert draft["rows_by_job"] == {JOB: 30}
    assert draft["files"][MOMENTS]["droppable"] is True
    assert draft["judgement"]["finite"] and draft["judgement"]["changed"]
    test = draft["judgement"]["tests"][0]
    assert test["name"] == "own_holdout" and test["against"] == "v000000"
    assert test["mean_change"] < 0 and test["p_better"] < 0.01
    assert len(workspace.read(version / "training_metrics.json")["steps"]) == 16
    assert draft["start_moments"] == "carried" and draft["libraries"]["python"]
    assert sum(draft["phases"].values()) == pytest.approx(draft["duration_s"], abs=0.5)
    assert (draft["energy"]["joules"] is None) == (draft["energy"]["reason"] is not None)
    of_job = draft["evaluations"]["loss"]["own_holdout"]["jobs"][JOB]
    assert of_job["items"] == draft["evaluations"]["loss"]["own_holdout"]["items"]


@pytest.mark.parametrize("steps", [1, 7, 16])
def test_a_run_that_was_killed_ends_in_the_same_bytes(
    workspace: Workspace, tmp_path: Path, steps: int
) -> None:
    """Fault T9."""
    settings = {**SETTINGS, "checkpoint": {"steps": 3}}
    workspace.ask_run("r000002", [JOB], settings=settings)
    react = after_steps(steps, say.Abandon())
    pipe = workspace.serve(engine(), say.Train("r000002"), react=react)
    assert pipe.kinds()[-1] == "Abandoned"
    resumed = workspace.serve(engine(), say.Train("r000002"))
    assert resumed.kinds()[-1] == "CandidateReady"
    workspace.serve(engine(), TRAIN)
    for name in (ADAPTER, MOMENTS):
        whole = workspace.layout.run("r000001").candidate / name
        parts = workspace.layout.run("r000002").candidate / name
        assert whole.read_bytes() == parts.read_bytes()


def test_stopping_commits_the_step_that_was_taken(workspace: Workspace) -> None:
    """Fault C8."""
    pipe = workspace.serve(engine(), TRAIN, react=after_steps(5, say.Stop()))
    assert pipe.kinds()[-1] == "Committed"
    assert workspace.read(workspace.checkpoint("r000001") / "state.json")["step_in_run"] == 5
    again = workspace.serve(engine(), TRAIN)
    begun = next(r for r in again.sent if isinstance(r, say.RunBegun))
    assert (begun.attempt, begun.step_in_run) == (1, 5)
    assert min(losses_of(again)) == 6


def test_a_pause_commits_and_waits_until_it_is_over(workspace: Workspace) -> None:
    """Fault C1."""

    def react(report: Report) -> Sequence[say.Order]:
        match report:
            case say.Stepped(_, metrics) if metrics.step == 3:
                return [say.Pause()]
            case say.Paused():
                return [say.Checkpoint(), say.Evaluate(), say.Resume()]
        return ()

    kinds = workspace.serve(engine(), TRAIN, react=react).kinds()
    place = kinds.index("Paused")
    assert kinds[place - 1 : place + 4] == [
        "Committed",
        "Paused",
        "Committed",
        "Evaluated",
        "Stepped",
    ]
    assert kinds[-1] == "CandidateReady"


def test_an_orphan_commits_nothing(workspace: Workspace) -> None:
    """Fault Q8."""
    pipe = workspace.serve(engine(), TRAIN, parent=False)
    assert "Committed" not in pipe.kinds()
    assert not workspace.layout.run("r000001").checkpoints.exists()


def test_a_damaged_starting_version_is_refused_by_the_name_of_its_file(
    workspace: Workspace,
) -> None:
    """Faults T5, V3."""
    (workspace.layout.version("v000000") / ADAPTER).write_bytes(b"x")
    refused = workspace.serve(engine(), TRAIN).sent[-1]
    assert isinstance(refused, say.RunRefused)
    assert refused.code == "version_damaged" and ADAPTER in refused.message


def test_a_damaged_checkpoint_is_put_aside_and_the_one_before_it_used(
    workspace: Workspace,
) -> None:
    react = after_steps(4, say.Checkpoint(), say.Stop())
    workspace.serve(engine(), TRAIN, react=after_steps(2, say.Stop()))
    workspace.serve(engine(), TRAIN, react=react)
    broken = workspace.checkpoint("r000001")
    (broken / MOMENTS).write_bytes((broken / MOMENTS).read_bytes()[:-1])
    pipe = workspace.serve(engine(), TRAIN)
    alert = next(r for r in pipe.sent if isinstance(r, say.Alerted))
    assert alert.code == "checkpoint_damaged" and MOMENTS in alert.message
    assert min(losses_of(pipe)) == 3
    assert pipe.kinds()[-1] == "CandidateReady"


@pytest.mark.parametrize("damage", ["another row", "half of it", "other JSON"])
def test_a_damaged_plan_is_put_aside_and_the_run_starts_over_to_the_same_end(
    workspace: Workspace, damage: str
) -> None:
    """Damage of any kind is seen, and costs no death and no repair by hand (I8)."""
    workspace.serve(engine(), TRAIN, react=after_steps(2, say.Stop()))
    plan = workspace.layout.run("r000001").frozen
    whole = plan.read_bytes()
    row = json.dumps(json.loads(whole)["examples"][0]).encode()
    other = json.dumps([0, 99]).encode()
    broken = {
        "another row": whole.replace(row, other, 1),
        "half of it": whole[: len(whole) // 2],
        "other JSON": b"[]\n",
    }[damage]
    plan.write_bytes(broken)
    pipe = workspace.serve(engine(), TRAIN)
    (alert,) = [r for r in pipe.sent if isinstance(r, say.Alerted)]
    assert alert.code == "run_damaged" and "broken-1-run.json" in alert.message
    assert plan.with_name("broken-1-run.json").read_bytes() == broken
    assert min(losses_of(pipe)) == 1
    assert pipe.kinds()[-1] == "CandidateReady"
    again = json.loads(plan.read_bytes())
    assert {**again, "attempt_0_at": "", "sha256": ""} == {
        **json.loads(whole),
        "attempt_0_at": "",
        "sha256": "",
    }


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_training_goes_on_and_the_next_commit_that_is_due_is_made(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """What is not durable is not reported as committed (faults T3, T18, S8)."""
    workspace.ask_run("r000002", [JOB], settings={**SETTINGS, "checkpoint": {"steps": 3}})
    real, tries = runs.commit, []

    def full(*given: Any, **named: Any) -> None:
        tries.append(given)
        if len(tries) == 1:
            raise OSError(number, "no room")
        real(*given, **named)

    monkeypatch.setattr(runs, "commit", full)
    pipe = workspace.serve(engine(), say.Train("r000002"))
    assert [r.code for r in pipe.sent if isinstance(r, say.Alerted)] == ["disk_full"]
    assert [r.step for r in pipe.sent if isinstance(r, say.Committed)] == [6, 9, 12, 15, 16]
    assert pipe.kinds()[-1] == "CandidateReady"


def test_a_second_run_carries_step_progress_and_moments_on(workspace: Workspace) -> None:
    """Fault T6."""
    first = workspace.serve(engine(), TRAIN)
    workspace.seal("r000001", "v000001")
    workspace.add_job("000002-more", chats(8, "more"))
    workspace.ask_run(
        "r000002", ["000002-more"], "v000001", 16, lineage_jobs=[JOB], holdout_jobs=[JOB]
    )
    second = workspace.serve(engine(), say.Train("r000002"))
    begun = next(r for r in second.sent if isinstance(r, say.RunBegun))
    assert (begun.step, begun.total_steps) == (16, 4)
    assert begun.progress.total_evals > 0
    losses = losses_of(second)
    assert list(losses) == [17, 18, 19, 20]
    assert losses[17] is not None and losses[17] < (losses_of(first)[1] or 0)
    draft = workspace.read(workspace.layout.run("r000002").draft)
    assert draft["step"] == 20
    assert {test["name"] for test in draft["judgement"]["tests"]} == {"earlier_holdout"}


def test_rows_that_are_only_measured_with_judge_every_run(workspace: Workspace) -> None:
    """Rule R51: of a job without training rows no lineage ever learned, so it judged nothing."""
    workspace.add_job("000002-exam", (), chats(8, "exam"), state="done")
    workspace.layout.job("done", "000002-exam").train.unlink()
    workspace.ask_run("r000002", [JOB], holdout_jobs=["000002-exam"])
    workspace.serve(engine(), say.Train("r000002"))
    draft = workspace.read(workspace.layout.run("r000002").draft)
    assert "earlier_holdout" in {test["name"] for test in draft["judgement"]["tests"]}


def test_rows_seen_in_the_lineage_or_held_out_elsewhere_are_not_trained(
    workspace: Workspace,
) -> None:
    workspace.add_job("000002-again", [*chats(10), *chats(3, "held"), *chats(5, "new")])
    workspace.ask_run("r000002", ["000002-again"], lineage_jobs=[JOB], holdout_jobs=[JOB])
    workspace.serve(engine(), say.Train("r000002"))
    frozen = workspace.read(workspace.layout.run("r000002").frozen)
    assert frozen["examples"] == [[0, row] for row in range(13, 18)]
    dropped = frozen["dropped"]["000002-again"]
    assert [item["code"] for item in dropped] == ["duplicate_seen"] * 10 + ["exam_row"] * 3
    assert dropped[0]["of"] == {"job": JOB, "line": 1}


def test_what_is_left_out_as_a_run_starts_stands_in_the_manifest(workspace: Workspace) -> None:
    """It stood in `run.json` alone: a manifest counted such rows nowhere."""
    workspace.add_job("000002-again", [*chats(2), *chats(1, "held"), *chats(5, "new")])
    workspace.ask_run("r000002", ["000002-again"], lineage_jobs=[JOB], holdout_jobs=[JOB])
    workspace.serve(engine(), say.Train("r000002"))
    draft = workspace.read(workspace.layout.run("r000002").draft)
    dropped = {"duplicate_seen": [0, 1], "exam_row": [2]}
    assert draft["rows_dropped"] == {"000002-again": dropped}
    assert draft["rows_by_job"] == {"000002-again": 5}


def test_a_run_that_is_frozen_trains_its_rows_whatever_becomes_an_exam(
    workspace: Workspace,
) -> None:
    whole = losses_of(workspace.serve(engine(), TRAIN))
    workspace.ask_run("r000002", [JOB])
    first = workspace.serve(engine(), say.Train("r000002"), react=after_steps(3, say.Stop()))
    workspace.layout.evals.mkdir()
    items = "".join(json.dumps({"prompt": f"sum {n}"}) + "\n" for n in range(20))
    (workspace.layout.evals / "sums.jsonl").write_text(items)
    rest = workspace.serve(engine(), say.Train("r000002"))
    assert {**losses_of(first), **losses_of(rest)} == whole


def test_a_run_with_nothing_new_ends_so(workspace: Workspace) -> None:
    workspace.add_job("000002-again", chats(10))
    workspace.ask_run("r000002", ["000002-again"], lineage_jobs=[JOB])
    assert workspace.serve(engine(), say.Train("r000002")).kinds()[-1] == "RunEnded"
    assert workspace.read(workspace.layout.run("r000002").ended)["outcome"] == "nothing_new"


def test_a_job_trained_again_does_not_count_against_itself(workspace: Workspace) -> None:
    workspace.ask_run("r000002", [JOB], lineage_jobs=[JOB])
    workspace.serve(engine(), say.Train("r000002"))
    assert len(workspace.read(workspace.layout.run("r000002").frozen)["examples"]) == 30


class NeverFinite(RehearsalEngine):
    def step(
        self, passes: Sequence[EncodedPass], learning_rate: float, seed: int, *_: Any
    ) -> StepResult:
        return StepResult(None, None, None, False)


def test_five_steps_in_a_row_that_are_not_finite_end_the_run(workspace: Workspace) -> None:
    """Fault T10."""
    pipe = workspace.serve(NeverFinite(SystemClock(), 0.0), TRAIN)
    assert pipe.kinds().count("Stepped") == 5 and pipe.kinds()[-1] == "RunEnded"
    assert workspace.read(workspace.layout.run("r000001").ended)["outcome"] == "failed"


def test_a_run_that_has_its_candidate_is_not_trained_again(workspace: Workspace) -> None:
    """Fault T9."""
    workspace.serve(engine(), TRAIN)
    assert workspace.serve(engine(), TRAIN).kinds() == ["Ready", "CandidateReady"]


def test_other_libraries_let_the_run_start_over(workspace: Workspace) -> None:
    """Faults T8, C10."""
    workspace.serve(engine(), TRAIN, react=after_steps(5, say.Stop()))
    path = workspace.layout.run("r000001").frozen
    frozen = workspace.read(path)
    frozen["libraries"]["numpy"] = "0"
    path.write_text(json.dumps(frozen))
    pipe = workspace.serve(engine(), TRAIN)
    assert min(losses_of(pipe)) == 1
    assert "Alerted" in pipe.kinds()


def test_without_room_for_twice_the_last_checkpoint_nothing_is_written(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Faults T3, D1: told, tried again when due, and committed when there is room."""
    settings = {**SETTINGS, "checkpoint": {"steps": 3}}
    workspace.ask_run("r000002", [JOB], settings=settings)
    place = workspace.layout.run("r000002")
    free = iter([10**9, 0, 0])
    tried: list[int] = []

    def disk_usage(_: Path) -> Any:
        tried.append(len(list(place.checkpoints.glob("*"))) if place.checkpoints.exists() else 0)
        return SimpleNamespace(free=next(free, 10**9))

    monkeypatch.setattr(shutil, "disk_usage", disk_usage)
    pipe = workspace.serve(engine(), say.Train("r000002"))
    alerts = [r for r in pipe.sent if isinstance(r, say.Alerted)]
    assert [alert.code for alert in alerts] == ["disk_full", "disk_full"]
    assert "less than twice" in alerts[0].message
    assert [r.step_in_run for r in pipe.sent if isinstance(r, say.Committed)] == [3, 12, 15, 16]
    assert tried[:4] == [0, 1, 1, 1] and pipe.kinds()[-1] == "CandidateReady"


def test_every_row_counts_once_in_every_epoch_by_the_metrics(workspace: Workspace) -> None:
    """Invariant I2."""
    workspace.serve(engine(), TRAIN)
    workspace.seal("r000001", "v000001")
    steps = workspace.read(workspace.layout.version("v000001") / "training_metrics.json")["steps"]
    for epoch in (1, 2):
        rows = [row for s in steps if s["epoch"] == epoch for row in s["trained"][JOB]]
        assert sorted(rows) == list(range(30))


def test_chosen_suites_count_for_the_verdict_and_a_broken_one_is_told(workspace: Workspace) -> None:
    evals = workspace.layout.evals
    evals.mkdir()
    header = {
        "suite": "sums",
        "title": "Sums",
        "task": "add",
        "scorer": "exact",
        "answer_field": "answers",
        "difficulty": "easy",
        "licence": "own",
        "origin": "own",
    }
    items = [{"id": f"s{n}", "prompt": f"what is {n} and {n}", "answers": ["x"]} for n in range(9)]
    (evals / "sums.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in (header, *items)))
    (evals / "broken.jsonl").write_text("no JSON\n")
    chosen = {**SETTINGS["evaluation"], "suites": ["sums", "broken", "none"], "suite_items": 4}
    workspace.ask_run("r000002", [JOB], settings={**SETTINGS, "evaluation": chosen})
    sent = workspace.serve(engine(), say.Train("r000002")).sent
    told = [r.message for r in sent if isinstance(r, say.Alerted) and r.code == "suite_left_out"]
    assert len(told) == 2 and "broken.jsonl, line 1" in told[0] and "no suite none" in told[1]
    folder = workspace.layout.run("r000002").candidate
    records = [json.loads(line) for line in (folder / "details.jsonl").read_text().splitlines()]
    assert [r["id"] for r in records if r["set"] == "sums"] == ["s0", "s2", "s4", "s6"]
    report = workspace.read(folder / "report.json")
    assert report["answers"]["sums"]["models"]["candidate"]["items"] == 4
    tests = {(test["name"], test["metric"]) for test in report["tests"]}
    assert ("sums", "token_f1") in tests
