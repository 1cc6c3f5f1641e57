"""The status document keeps its promises to readers."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import jsonschema

from daemon.core.records import from_json_value, to_json_value
from daemon.core.status.document import Facts, Measured, RunView, document
from daemon.core.status.measurements import judgement_of
from daemon.core.status.schema import SCHEMA
from daemon.core.training.evaluations import Evaluations, ExactMatches, SetLoss
from daemon.core.training.progress import Metrics, Progress, Sample, after_evaluation, after_step
from daemon.folders.status.status import strict_line

NOW = datetime(2026, 1, 1, tzinfo=UTC)
IDLE = Facts(
    status="idle",
    message="",
    now=NOW,
    seq=1,
    boot_id="1",
    pid=1,
    daemon_started_at=NOW,
    uptime_s=1.5,
    model="tiny",
    log_file="logs/daemon.jsonl",
    progress=Progress(),
    measured=None,
    judged=None,
    benchmarks=None,
    metrics=None,
    committed_step=None,
    run=None,
    order=None,
    queue={"normal": 2},
    current=None,
    lineage=None,
    step=0,
    alerts=(),
    error=None,
    answers=(),
    memory={},
    disk={},
    gpu={},
    watcher="events",
    leftovers=(),
    workers={},
)


def metrics(step: int, loss: float | None) -> Metrics:
    return Metrics(
        step, step, 1, loss, 1e-3, 0.5, loss is not None, 8, 100, 50, 128, 0.5, ("000001-a",)
    )


def valid(facts: Facts) -> dict[str, Any]:
    line = strict_line(document(facts))
    assert line.endswith(b"\n") and line.count(b"\n") == 1
    found: dict[str, Any] = json.loads(line)
    jsonschema.validate(found, SCHEMA)
    return found


def test_an_idle_daemon_has_empty_lists_and_null_numbers() -> None:
    found = valid(IDLE)
    assert found["eval_samples"] == [] and found["train_loss_history"] == []
    assert found["loss"] is None and found["accuracy_percent"] is None
    assert found["batch_queue_size"] == 2


def test_a_run_shows_its_step_its_file_and_the_time_left() -> None:
    progress = Progress()
    for step in range(1, 5):
        progress = after_step(progress, metrics(step, 4.0 / step))
    sample = Sample(4, "2 + 2?", "4", "4", True, "a.jsonl")
    progress = after_evaluation(progress, 4, 1.5, (sample, replace(sample, matches=False)))
    run = RunView("r000003", ("a.jsonl", "b.jsonl"), 1, 4, 20, NOW, 8000.0)
    found = valid(
        replace(IDLE, status="training", progress=progress, metrics=metrics(4, 1.0), run=run)
    )
    assert (found["current_step"], found["total_steps"], found["batch_step"]) == (4, 20, 4)
    assert found["current_file"] == "a.jsonl" and found["eta_seconds"] == 8.0
    assert found["accuracy_percent"] == 50.0 and found["answer_matches"] is False
    assert found["val_train_gap"] == 0.5
    assert found["throughput_trend"] == "stable"


def test_a_loss_and_a_trend_are_of_one_run_and_say_of_which() -> None:
    """What an earlier file's run measured is neither the loss nor the trend of this one."""
    progress = Progress()
    for step in range(1, 5):
        progress = after_step(progress, metrics(step, 1.0))
        progress = after_evaluation(progress, step, 1.5, (Sample(step, "p", "g", "m", True, "a"),))
    run = RunView("r000002", ("b.jsonl",), 0, 0, 20, NOW, 0.0)
    begun = replace(IDLE, progress=progress, run=run, measured=Measured("r000002", run.files, 4))
    assert valid(begun)["loss"] is None and valid(begun)["accuracy_trend"] is None
    for step in range(5, 9):
        wrong = Sample(step, "p", "g", "m", step > 6, "b.jsonl")
        progress = after_step(progress, metrics(step, 3.0))
        progress = after_evaluation(progress, step, None, (wrong,))
    found = valid(replace(begun, progress=progress, metrics=metrics(8, 3.0)))
    assert (found["loss"], found["accuracy_trend"]) == (3.0, "improving")
    assert found["accuracy_files"] == ["a", "b.jsonl"]
    assert found["loss_of"] == {
        "run": "r000002",
        "version": None,
        "verdict": None,
        "files": ["b.jsonl"],
    }
    assert found["learning_rate"] == 1e-3
    assert valid(replace(IDLE, metrics=metrics(8, 3.0)))["learning_rate"] is None


def test_the_time_left_counts_the_time_of_steps_alone() -> None:
    """After a night's pause the status showed days: the attempt's whole time was divided."""
    progress = Progress()
    for step in range(1, 5):
        progress = after_step(progress, replace(metrics(step, 1.0), rested_s=0.5))
    # The run began behind step 2; what earlier steps took says nothing of its rows.
    run = RunView("r000002", ("a",), 0, 2, 12, NOW, 90_000.0)
    found = valid(replace(IDLE, progress=progress, run=run))
    assert (found["eta_seconds"], found["elapsed_seconds"]) == (10.0, 90_000.0)
    begun = replace(run, step_in_run=0)
    assert valid(replace(IDLE, progress=progress, run=begun))["eta_seconds"] is None
    # A daemon that was started again knows it from what the trainer has committed.
    again = from_json_value(json.loads(json.dumps(to_json_value(progress))), Progress)
    assert valid(replace(IDLE, progress=again, run=run))["eta_seconds"] == 10.0


def answered(step: int, job: str, *right: bool) -> tuple[Sample, ...]:
    return tuple(Sample(step, "p", "g", "m", one, job) for one in right)


def test_the_newest_measurement_is_told_with_its_step() -> None:
    """The accuracy shown was a mean over evaluations of all steps, without a step."""
    progress = after_evaluation(Progress(), 10, 2.0, answered(10, "a", False, False))
    progress = after_evaluation(progress, 20, 1.5, answered(20, "a", True, True, False, True))
    for step in range(21, 24):
        progress = after_step(progress, metrics(step, 1.0))
    run = RunView("r000002", ("a",), 0, 18, 40, NOW, 9.0)
    seen = replace(IDLE, progress=progress, run=run, measured=Measured("r000002", ("a",), 5))
    found = valid(seen)
    assert found["newest_measurement"] == {
        "source": "evaluation",
        "run": "r000002",
        "version": None,
        "step": 20,
        "step_in_run": 15,
        "right": 3,
        "items": 4,
        "percent": 75.0,
        "loss": 1.5,
    }
    assert found["validation_step"] == 20
    # The fields that count all evaluations are what they were.
    assert (found["total_evals"], found["total_correct"]) == (6, 3)
    assert (found["accuracy_percent"], found["best_accuracy"]) == (50.0, 75.0)
    later = replace(seen, measured=Measured("r000003", ("b",), 20))
    assert valid(later)["newest_measurement"] is None


def test_a_measurement_of_an_earlier_release_has_no_counts() -> None:
    old = from_json_value({"accuracy_history": [[20, 75.0]], "total_evals": 4}, Progress)
    found = valid(replace(IDLE, progress=old))["newest_measurement"]
    assert (found["step"], found["percent"], found["items"]) == (20, 75.0, None)


def test_after_a_run_the_figures_are_those_of_its_judgement() -> None:
    """21 of 24 answers were right at the end, and the status stayed at 0 % of step 20."""
    progress = after_evaluation(Progress(), 20, 1.5, answered(20, "a", False, False))
    evaluations = Evaluations(
        ExactMatches(24, before=0, after=21), {"own_holdout": SetLoss(3, before=2.0, after=0.5)}
    )
    judged = judgement_of(evaluations, 47, 47)
    measured = Measured("r000001", ("a",), 0, "v000001", "promote")
    seen = replace(IDLE, progress=progress, measured=measured, judged=judged)
    assert valid(seen)["newest_measurement"] == {
        "source": "judgement",
        "run": "r000001",
        "version": "v000001",
        "step": 47,
        "step_in_run": 47,
        "right": 21,
        "items": 24,
        "percent": 87.5,
        "loss": 0.5,
    }
    assert judgement_of(Evaluations(), 47, 47) is None
    assert judgement_of(Evaluations(ExactMatches(0, 0, 0)), 47, 47) is None


def test_each_file_has_a_line_of_right_answers() -> None:
    """One line led from the questions of one file to those of the next."""
    both = answered(20, "000001-a", False, True) + answered(20, "000002-b", True)
    progress = after_evaluation(Progress(), 10, None, answered(10, "000001-a", False, False))
    progress = after_evaluation(progress, 20, None, both)
    # Asked for by hand at the same step: the newer answers take the place of the first.
    progress = after_evaluation(progress, 20, None, both)
    first, second = valid(replace(IDLE, progress=progress))["accuracy_by_file"]
    assert first == {
        "job": "000001-a",
        "file": "000001-a",
        "points": [[10, 0.0, 0, 2], [20, 50.0, 1, 2]],
    }
    assert (second["job"], second["points"]) == ("000002-b", [[20, 100.0, 1, 1]])


def test_a_loss_that_is_no_number_becomes_null_and_the_line_stays_strict() -> None:
    """Fault S1."""
    found = valid(replace(IDLE, progress=after_step(Progress(), metrics(1, None))))
    assert found["loss"] is None
    assert b"NaN" not in strict_line({"loss": float("nan"), "deep": [float("inf")]})


def test_running_accuracy_is_that_of_the_latest_answers() -> None:
    progress = Progress()
    for step in range(1, 16):
        right = Sample(step, "p", "g", "m", step > 5, "a")
        progress = after_evaluation(progress, step, None, (right,) * 4)
    found = valid(replace(IDLE, progress=progress))
    # Of 60 answers the first 20 were wrong.
    assert (found["accuracy_last_20"], found["accuracy_last_50"]) == (100.0, 80.0)
    few = after_evaluation(Progress(), 1, None, (right, replace(right, matches=False)))
    assert valid(replace(IDLE, progress=few))["accuracy_last_50"] == 50.0
    assert valid(IDLE)["accuracy_last_20"] is None


def test_every_field_of_the_schema_is_in_the_document() -> None:
    """Fault S7."""
    properties = SCHEMA["properties"]
    assert isinstance(properties, dict) and set(valid(IDLE)) == set(properties)


def test_progress_comes_back_from_its_record_as_it_was() -> None:
    progress = after_step(Progress(), metrics(1, 2.0))
    sample = Sample(1, "p", "g", "m", True, "a")
    progress = after_evaluation(progress, 1, None, (sample,))
    assert from_json_value(json.loads(json.dumps(to_json_value(progress))), Progress) == progress
