"""The status document keeps its promises to readers."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import jsonschema

from daemon.core.progress import Metrics, Progress, Sample, after_evaluation, after_step
from daemon.core.status_document import Facts, Measured, RunView, document
from daemon.core.status_schema import SCHEMA
from daemon.folders.status import strict_line

NOW = datetime(2026, 1, 1, tzinfo=UTC)
IDLE = Facts(
    status="idle", message="", now=NOW, seq=1, boot_id="1", pid=1, daemon_started_at=NOW,
    uptime_s=1.5,
    model="tiny", log_file="logs/daemon.jsonl", progress=Progress(), measured=None, metrics=None,
    committed_step=None, run=None, order=None, queue={"normal": 2}, current=None, lineage=None,
    step=0, alerts=(), error=None, answers=(), memory={}, disk={}, gpu={}, watcher="events",
    leftovers=(), workers={},
)  # fmt: skip


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
    run = RunView("r000003", ("a.jsonl", "b.jsonl"), 1, 4, 20, NOW, 8.0, 4)
    found = valid(
        replace(IDLE, status="training", progress=progress, metrics=metrics(4, 1.0), run=run)
    )
    assert (found["current_step"], found["total_steps"], found["batch_step"]) == (4, 20, 4)
    assert found["current_file"] == "a.jsonl" and found["eta_seconds"] == 32.0
    assert found["accuracy_percent"] == 50.0 and found["answer_matches"] is False
    assert found["val_train_gap"] == 0.5
    assert found["throughput_trend"] == "stable"


def test_a_loss_and_a_trend_are_of_one_run_and_say_of_which() -> None:
    """What an earlier file's run measured is neither the loss nor the trend of this one."""
    progress = Progress()
    for step in range(1, 5):
        progress = after_step(progress, metrics(step, 1.0))
        progress = after_evaluation(progress, step, 1.5, (Sample(step, "p", "g", "m", True, "a"),))
    run = RunView("r000002", ("b.jsonl",), 0, 0, 20, NOW, 0.0, 0)
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
        "run": "r000002", "version": None, "verdict": None, "files": ["b.jsonl"],
    }  # fmt: skip
    assert found["learning_rate"] == 1e-3
    assert valid(replace(IDLE, metrics=metrics(8, 3.0)))["learning_rate"] is None


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
    assert set(valid(IDLE)) == set(SCHEMA["properties"])


def test_progress_comes_back_from_its_record_as_it_was() -> None:
    progress = after_step(Progress(), metrics(1, 2.0))
    sample = Sample(1, "p", "g", "m", True, "a")
    progress = after_evaluation(progress, 1, None, (sample,))
    assert Progress.from_record(json.loads(json.dumps(progress.as_record()))) == progress
