"""What the status tells belongs to one run or to the version in use, whatever ran in between."""

import errno
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from daemon.core import messages as say
from daemon.core.decisions.blocking import Circumstances, Refusal
from daemon.core.decisions.snapshot import Snapshot, WorkerState
from daemon.core.records import from_json_value
from daemon.core.training.progress import Metrics, Progress, Sample, after_evaluation, after_step
from daemon.core.workspace.jobs import Incoming, card_to_record
from daemon.folders.disk.record_files import write_record
from daemon.folders.status.reading import read_status
from daemon.layout import Layout
from daemon.supervisor.publish import Publisher
from daemon.training.records.state import RunState
from tests.core import worlds as w
from tests.manifests import manifest_record
from tests.supervisor.parts import Parts, parts_of

OLD = "000001-job"
VERSION = w.version(1, 0)


def metrics(step: int, in_run: int, loss: float) -> Metrics:
    return Metrics(step, in_run, 0, loss, 1e-3, 0.5, True, 8, 100, 50, 128, 0.5, (OLD,))


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    """A workspace with a version in use, trained from a file whose questions were all answered."""
    layout = Layout(tmp_path)
    made = parts_of(tmp_path)
    made.workspace.queue.make_folders()
    place = layout.job("done", OLD)
    place.job_file.parent.mkdir(parents=True)
    place.job_file.write_text(json.dumps(card_to_record(w.card(1, name="old.jsonl"))))
    layout.status_file.parent.mkdir(exist_ok=True)
    layout.version(VERSION.version).mkdir(parents=True)
    progress = after_step(Progress(), metrics(10, 10, 1.0))
    progress = after_evaluation(progress, 10, 1.5, (Sample(10, "p", "g", "g", True, OLD),))
    state = RunState("r000001", 0, 10, 10, progress=progress)
    write_record(layout.version(VERSION.version) / "training_state.json", state.saved())
    return made


def told(publisher: Publisher, layout: Layout, seen: Snapshot) -> Any:
    publisher.publish(seen, None, ())
    found = read_status(layout)
    assert found is not None
    return found


def test_after_a_refused_run_the_losses_are_the_versions_in_use_again(parts: Parts) -> None:
    layout, publisher = parts.workspace.layout, parts.publisher()
    versions = {"v000000": w.version(0), "v000001": VERSION}
    idle = w.quiet(versions=versions, complete=frozenset(versions), current="v000001")
    of_version = {
        "run": "r000001",
        "version": "v000001",
        "verdict": "promote",
        "files": ["old.jsonl"],
    }

    before = told(publisher, layout, idle)
    assert (before["loss"], before["validation_loss"]) == (1.0, 1.5)
    assert (before["loss_of"], before["accuracy_files"]) == (of_version, ["old.jsonl"])

    begun = from_json_value({"train_loss_history": [[10, 1.0]], "step": 10}, Progress)
    publisher.report(say.RunBegun("r000007", 0, 10, 0, 20, begun))
    publisher.report(say.Stepped("r000007", metrics(11, 1, 9.0)))
    publisher.report(say.Evaluated("r000007", 11, 8.0, (), 0, 0.1))
    at_work = w.quiet(
        versions=versions, complete=frozenset(versions), current="v000001", run=w.run(2)
    )
    during = told(publisher, layout, at_work)
    assert (during["loss"], during["validation_loss"]) == (9.0, 8.0)
    assert (during["loss_of"]["run"], during["loss_of"]["version"]) == ("r000007", None)

    after = told(publisher, layout, idle)
    assert (after["loss"], after["validation_loss"]) == (1.0, 1.5)
    assert after["newest_measurement"] == before["newest_measurement"]
    assert (after["loss_of"], after["learning_rate"]) == (of_version, None)


def test_figures_are_of_the_run_in_hand_and_then_of_its_judgement(parts: Parts) -> None:
    """A finished run showed what had been measured in its middle, without the step."""
    layout, publisher = parts.workspace.layout, parts.publisher()
    folder = layout.version(VERSION.version)
    evaluations = {
        "exact_match": {"items": 24, "before": 0, "after": 21},
        "loss": {"own_holdout": {"before": 2.0, "after": 0.5}},
    }
    record = manifest_record(evaluations=evaluations)
    (folder / "manifest.json").write_text(json.dumps(record))
    versions = {"v000000": w.version(0), "v000001": VERSION}
    idle = w.quiet(versions=versions, complete=frozenset(versions), current="v000001")
    judged = {
        "source": "judgement",
        "run": "r000001",
        "version": "v000001",
        "step": 10,
        "step_in_run": 10,
        "right": 21,
        "items": 24,
        "percent": 87.5,
        "loss": 0.5,
    }
    before = told(publisher, layout, idle)
    assert before["newest_measurement"] == judged
    assert [line["file"] for line in before["accuracy_by_file"]] == ["old.jsonl"]

    progress = Progress(step=10, accuracy_history=((10, 100.0),))
    publisher.report(say.RunBegun("r000007", 0, 10, 0, 20, progress))
    at_work = replace(idle, run=w.run(2))
    assert told(publisher, layout, at_work)["newest_measurement"] is None
    publisher.report(say.Stepped("r000007", metrics(11, 1, 9.0)))
    sample = Sample(11, "p", "g", "m", False, OLD)
    publisher.report(say.Evaluated("r000007", 11, 8.0, (sample,), 0, 0.1))
    found = told(publisher, layout, at_work)["newest_measurement"]
    assert (found["run"], found["step"], found["step_in_run"]) == ("r000007", 11, 1)
    assert (found["right"], found["items"], found["loss"]) == (0, 1, 8.0)
    assert told(publisher, layout, idle)["newest_measurement"] == judged


def test_the_time_left_is_known_again_as_soon_as_a_run_goes_on(parts: Parts) -> None:
    """After a restart of the daemon nothing was known until a step had been taken."""
    publisher = parts.publisher()
    progress = after_step(after_step(Progress(), metrics(11, 1, 9.0)), metrics(12, 2, 9.0))
    publisher.report(say.RunBegun("r000007", 1, 12, 2, 20, progress))
    found = told(publisher, parts.workspace.layout, w.quiet(run=w.run(2)))
    assert found["eta_seconds"] == 9.0


def test_an_untouched_base_has_no_loss_though_a_run_on_it_was_refused(parts: Parts) -> None:
    publisher = parts.publisher()
    publisher.report(say.RunBegun("r000007", 0, 0, 0, 20, Progress()))
    publisher.report(say.Stepped("r000007", metrics(1, 1, 9.0)))
    after = told(publisher, parts.workspace.layout, w.quiet())
    assert after["loss"] is None and after["train_loss_history"] == []
    assert after["loss_of"]["version"] == "v000000" and after["loss_of"]["files"] == []


def test_a_daemon_that_has_ended_asks_for_no_file_and_says_what_goes_on(parts: Parts) -> None:
    """The message after `stop` was "drop a .jsonl file into inbox/" or "waits for the trainer"."""
    publisher = parts.publisher()

    def message(status: str, seen: Snapshot) -> str:
        publisher.publish(seen, status, ())
        found = read_status(parts.workspace.layout)
        assert found is not None and found["status"] == status
        return str(found["message"])

    ended = "the daemon has ended; 'finetuned run' starts it again"
    training = w.quiet(run=w.run(1), running=w.running(1), queued=(w.queued(2), w.queued(3)))
    assert message("stopping", training) == "saving work in progress, then the daemon ends"
    assert message("stopped", training) == f"{ended}: r000007 resumes and 2 file(s) wait"
    assert message("stopped", w.quiet()) == ended
    refusal = Refusal("r000007", "x", "too large", False, Circumstances())
    refused = replace(training, refusal=refusal)
    sentence = "the daemon has ended, and nothing can be trained: too large"
    assert message("stopped", refused) == sentence


def test_the_status_tells_what_an_intake_waits_for(parts: Parts) -> None:
    """The first file after an upgrade waits for the families of all earlier ones."""
    layout, publisher = parts.workspace.layout, parts.publisher()
    reading = w.quiet(
        versions={"v000000": w.version(0)},
        complete=frozenset(["v000000"]),
        current="v000000",
        incoming=(Incoming(w.card(2), None),),
        intake=WorkerState(
            "busy", "000002-job", doing="making the families of earlier files, once"
        ),
    )
    found = told(publisher, layout, reading)
    assert found["status"] == "intake"
    assert found["message"] == "reading 1 file(s): making the families of earlier files, once"


def test_what_the_base_failed_of_is_told_again_after_trouble_with_the_disk(parts: Parts) -> None:
    """The end of the one trouble took the sentence about the other with it."""
    layout, trouble = parts.workspace.layout, parts.trouble()
    publisher = parts.publisher(trouble)
    publisher.report(say.PrepareFailed("tiny", "model_missing", "it is not there"))
    trouble.met(OSError(errno.EIO, "refused"), "a look")
    assert told(publisher, layout, w.quiet())["error_type"] == "disk"
    trouble.over()
    assert told(publisher, layout, w.quiet())["error_type"] == "model_missing"
