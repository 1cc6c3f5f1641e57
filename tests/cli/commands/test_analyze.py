"""`analyze` says what curves say, writes only where it may, and takes every kind of record."""

import json
from pathlib import Path
from typing import Any

import pytest

from daemon.core.records import to_json_value
from daemon.core.status.ledger_rows import evaluation_row
from daemon.core.training.probes import MilestoneAnswer
from daemon.folders.queue.ledger import Ledger
from daemon.layout import Layout
from daemon.training.records.history import History
from tests.cli.conftest import Command
from tests.manifests import manifest_record

STEPS = 60
MEASURED = {"tokens": 8, "supervised_tokens": 4, "replayed": 0, "seconds": 0.5}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder the command is given in."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def lines(run: str | None = None, first: int = 1) -> bytes:
    """A loss that falls and stays: a plateau."""
    records = [
        {"step": first + n, "loss": max(1.0, 3.0 - 0.1 * n) + 0.001 * (n % 3), "applied": True}
        | ({"run": run, "attempt": 0} if run else {})
        for n in range(STEPS)
    ]
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def sealed(layout: Layout, version: str, run: str) -> None:
    """A version as far as its curve is asked for."""
    folder = layout.version(version)
    folder.mkdir(parents=True)
    body = lines().splitlines()
    (folder / "training_metrics.json").write_bytes(b"[\n" + b",\n".join(body) + b"\n]\n")
    state = {"validation": [[n, 2.0 - 0.01 * n] for n in range(10, 61, 10)]}
    (folder / "training_state.json").write_text(json.dumps(state))
    manifest = manifest_record(version, run=run, job_ids=["000001-a"])
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_a_file_is_judged_and_its_folder_holds_page_verdicts_and_pictures(
    here: Path, finetuned: Command
) -> None:
    (here / "m x.jsonl").write_bytes(lines() + b"{torn\n")
    done = finetuned("analyze", "m x.jsonl")
    assert done.exit_code == 0
    assert "plateau" in done.output and "1 damaged line" in done.output
    [folder] = here.glob("curves-*")
    assert sorted(path.name for path in folder.iterdir()) == [
        "loss.png",
        "report.html",
        "slope.png",
        "verdicts.json",
    ]
    found = json.loads((folder / "verdicts.json").read_bytes())
    assert found["schema_version"] == 1
    [finding] = found["curves"][0]["findings"]
    assert finding["kind"] == "plateau" and abs(finding["begins_at_step"] - 21) <= 6


def test_json_is_the_same_verdicts_and_writes_nothing(here: Path, finetuned: Command) -> None:
    (here / "m.jsonl").write_bytes(lines())
    done = finetuned("analyze", "m.jsonl", "--json")
    assert json.loads(done.output)["curves"][0]["verdict"] == "plateau"
    assert [path.name for path in here.iterdir()] == ["m.jsonl"]


def test_what_is_there_is_not_written_over_without_force(here: Path, finetuned: Command) -> None:
    (here / "m.jsonl").write_bytes(lines())
    (here / "out").mkdir()
    refused = finetuned("analyze", "m.jsonl", "--out", "out")
    assert refused.exit_code == 1 and "--force" in refused.output
    assert list((here / "out").iterdir()) == []
    assert finetuned("analyze", "m.jsonl", "--out", "out", "--force").exit_code == 0
    assert finetuned("analyze", "m.jsonl", "--out", "out", "--force").exit_code == 0


def test_a_version_brings_its_validation_losses(
    here: Path, layout: Layout, finetuned: Command
) -> None:
    sealed(layout, "v000001", "r000001")
    for word in ("v000001", "1"):
        done = finetuned("analyze", word, "--json", "--root", layout.root)
        [curve] = json.loads(done.output)["curves"]
        assert (curve["run"], curve["validations"], curve["files"]) == ("r000001", 6, ["000001-a"])
        assert curve["recommended_stop"]["basis"] == "validation"


def answered(step: int, answer: str, similarity: float | None) -> bytes:
    said = MilestoneAnswer(step, step, "a", "the sky?", "it is blue", answer, similarity, False)
    return json.dumps(to_json_value(said)).encode() + b"\n"


def test_a_version_and_an_open_run_show_how_their_answers_changed(
    here: Path, layout: Layout, finetuned: Command
) -> None:
    sealed(layout, "v000001", "r000001")
    before = b"".join(answered(step, "no", 0.1) for step in (0, 5, 8))
    body = before + b"{torn\n" + answered(10, "it is grey", 0.7)
    (layout.version("v000001") / "evolution.jsonl").write_bytes(body)
    done = finetuned("analyze", "1", "--out", "seen", "--root", layout.root)
    assert "4 milestone(s), the answer changed 1 time(s)" in done.output
    assert "0.10 at step 0, 0.70 at step 10" in " ".join(done.output.split())
    assert "1 damaged line(s) of evolution.jsonl" in done.output
    assert (here / "seen" / "probe-1.png").exists()
    assert "it is" in (here / "seen" / "report.html").read_text()
    layout.run("r000002").folder.mkdir(parents=True)
    layout.run("r000002").metrics.write_bytes(lines("r000002"))
    layout.run("r000002").evolution.write_bytes(answered(0, "no", None))
    done = finetuned("analyze", "r000002", "--json", "--root", layout.root)
    [probe] = json.loads(done.output)["probes"]
    assert probe["answers"] == [{"step": 0, "answer": "no", "similarity": None}]


def test_a_run_without_a_version_is_read_from_the_status_and_the_ledger(
    here: Path, layout: Layout, finetuned: Command
) -> None:
    layout.status.mkdir(exist_ok=True)
    body = lines("r000002").splitlines(keepends=True)
    layout.metrics_file.with_name("metrics.jsonl.1").write_bytes(b"".join(body[:30]))
    layout.metrics_file.write_bytes(b"".join(body[30:]))
    layout.queue.mkdir(exist_ok=True)
    ledger = Ledger(layout)
    ledger.open("now")
    for step in (10, 20):
        ledger.put(evaluation_row("now", "r000002", step, 2.0, 0, 0))
    ledger.close()
    done = finetuned("analyze", "r000002", "--json", "--root", layout.root)
    [curve] = json.loads(done.output)["curves"]
    assert (curve["steps"], curve["validations"], curve["run"]) == (STEPS, 2, "r000002")


def test_all_compares_versions_and_open_runs_on_one_page(
    here: Path, layout: Layout, finetuned: Command
) -> None:
    sealed(layout, "v000001", "r000001")
    layout.version("v000002").mkdir()
    (layout.version("v000002") / "training_metrics.json").write_text("[\n]\n")
    layout.status.mkdir(exist_ok=True)
    layout.metrics_file.write_bytes(lines("r000001") + lines("r000003", first=61))
    done = finetuned("analyze", "all", "--out", "cmp", "--root", layout.root)
    assert done.exit_code == 0
    found = json.loads((here / "cmp" / "verdicts.json").read_bytes())["curves"]
    assert {curve["name"] for curve in found} == {"v000001", "v000002", "r000003"}
    page = (here / "cmp" / "report.html").read_text()
    assert "3 runs" in page and (here / "cmp" / "losses.png").exists()
    assert "has no training step" in done.output


def test_who_names_nothing_means_the_run_in_hand_else_the_current_version(
    here: Path, layout: Layout, finetuned: Command
) -> None:
    nothing = finetuned("analyze", "--json", "--root", layout.root)
    assert nothing.exit_code == 1 and "nothing has been trained" in nothing.output
    sealed(layout, "v000001", "r000001")
    layout.current_model.symlink_to("models/versions/v000001")
    done = finetuned("analyze", "--json", "--root", layout.root)
    assert json.loads(done.output)["curves"][0]["version"] == "v000001"
    run = layout.run("r000002")
    run.folder.mkdir(parents=True)
    run.metrics.write_bytes(lines("r000002"))
    done = finetuned("analyze", "--json", "--root", layout.root)
    assert json.loads(done.output)["curves"][0]["run"] == "r000002"


@pytest.mark.parametrize("word", ["v000009", "9", "r000009", "gone.jsonl", "all"])
def test_what_is_not_there_is_said_in_a_sentence(
    word: str, here: Path, layout: Layout, finetuned: Command
) -> None:
    done = finetuned("analyze", word, "--root", layout.root)
    assert done.exit_code == 1 and len(done.output.splitlines()) == 1
    assert list(here.iterdir()) == []


def test_a_file_that_is_no_record_is_refused(here: Path, finetuned: Command) -> None:
    (here / "poem.txt").write_text("Shall I compare thee\n")
    done = finetuned("analyze", "poem.txt")
    assert done.exit_code == 1 and "has no training step" in done.output


def logged(layout: Layout, *runs: str) -> Path:
    """A log of the daemon that names runs among other lines, and an evaluation with a loss."""
    records: list[dict[str, Any]] = [{"kind": "started", "event": "finetuned has started"}]
    for run in runs:
        records.append({"kind": "run_begun", "run": run, "event": f"{run} begins"})
        found = {"step": 10, "validation_loss": 2.0, "event": "step 10: 1 of 3 samples right"}
        records.append({"kind": "evaluated", "run": run, **found})
    layout.logs.mkdir(exist_ok=True)
    stamp = {"level": "info", "timestamp": "2030-01-01T00:00:00Z"}
    text = "".join(json.dumps(record | stamp) + "\n" for record in records)
    layout.log_file.write_text(text + "Traceback of a library, no JSON\n")
    return layout.log_file


def test_a_log_of_the_daemon_is_an_analysis_of_the_runs_in_it(
    here: Path, layout: Layout, finetuned: Command
) -> None:
    """Its evaluations were taken for a curve without steps, and that was called healthy."""
    sealed(layout, "v000001", "r000001")
    layout.status.mkdir(exist_ok=True)
    layout.metrics_file.write_bytes(lines("r000002", first=61))
    path = logged(layout, "r000001", "r000002", "r000003")
    for options in ((), ("--root", str(layout.root))):
        done = finetuned("analyze", str(path), "--json", *options)
        assert done.exit_code == 0, done.output
        curves = json.loads(done.output)["curves"]
        assert [(one["run"], one["steps"]) for one in curves] == [
            ("r000001", STEPS),
            ("r000002", STEPS),
            ("r000003", 0),
        ]
        assert [one["verdict"] for one in curves][1:] == ["plateau", "no steps"]
    copied = here / "copied.jsonl"
    copied.write_bytes(logged(layout, "r000001").read_bytes())
    done = finetuned("analyze", "copied.jsonl", "--json", "--root", str(layout.root))
    [curve] = json.loads(done.output)["curves"]
    assert (curve["name"], curve["validations"]) == ("v000001", 6)
    assert finetuned("analyze", "copied.jsonl").exit_code == 2, "whose log it is must be named"


def test_a_log_that_names_no_run_is_said_to(here: Path, layout: Layout, finetuned: Command) -> None:
    """Nothing was trained while it was written."""
    done = finetuned("analyze", str(logged(layout)))
    assert done.exit_code == 1 and "mentions no run" in done.output


def test_a_record_without_steps_is_no_healthy_run(here: Path, finetuned: Command) -> None:
    """Six validation losses without a step were called healthy, with a stop that they advised."""
    found = [{"step": n, "validation_loss": 2.0} for n in range(10, 90, 10)]
    (here / "v.jsonl").write_text("".join(json.dumps(one) + "\n" for one in found))
    done = finetuned("analyze", "v.jsonl", "--out", "seen")
    assert done.exit_code == 0 and "no steps" in done.output
    assert "healthy" not in done.output and "Recommended stop" not in done.output
    assert "No steps" in (here / "seen" / "report.html").read_text()


def test_metrics_as_people_plot_them_bring_their_own_validation_losses(
    here: Path, finetuned: Command
) -> None:
    """A version's metrics were a bare list: for its validation losses one had to look elsewhere."""
    history = History(json.loads(line) | MEASURED for line in lines().splitlines())
    path = here / "training_metrics.json"
    losses = [(n, 2.0 - 0.01 * n) for n in range(10, 61, 10)]
    history.write(path, "r000001", {"learning_rate": 1e-4, "rank": 8}, losses)
    record = json.loads(path.read_bytes())
    assert record["iterations"] == list(range(1, STEPS + 1)) == [s["step"] for s in record["steps"]]
    assert record["train_loss"] == [step["loss"] for step in record["steps"]]
    assert list(zip(record["val_iterations"], record["val_loss"], strict=True)) == losses
    assert record["config"]["learning_rate"] == 1e-4
    done = finetuned("analyze", "training_metrics.json", "--json")
    [curve] = json.loads(done.output)["curves"]
    assert (curve["steps"], curve["validations"], curve["damaged_lines"]) == (STEPS, 6, 0)
