"""`evaluate` and `compare`: who and what they take, what they refuse, and what they show."""

import json
import signal
import subprocess
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from daemon.cli.commands.run import make_workspace
from daemon.core.evaluation.evaluations import EvaluationRequest
from daemon.core.records import to_json_value
from daemon.core.rows.plain_form import PLAIN_FORM
from daemon.core.workspace.orders import EVALUATION
from daemon.core.workspace.versions import AdapterSpec
from daemon.folders.disk import locks
from daemon.folders.models import bases, current_model
from daemon.folders.models.models import ADAPTER, MANIFEST, Models
from daemon.folders.orders import evaluations, orders
from daemon.layout import Layout
from daemon.training.engine.stub_base import make_base
from tests.cli.conftest import Command
from tests.orders import result_of


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    """Right answers to ten of the twelve."""
    path = tmp_path / "answers.jsonl"
    rows = [{"id": f"i{n}", "answer": f"lake {n}"} for n in range(10)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def request_of(layout: Layout, evaluation: str) -> EvaluationRequest:
    return orders.read_request(layout.order(evaluation), EvaluationRequest)


@pytest.mark.end_to_end
def test_with_no_daemon_the_command_does_the_evaluation_itself(
    finetuned: Command, ready: Layout, answers: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = ("compare", "base", answers, "--suite", "lakes", "--rehearse", "--out", out)
    done = finetuned(*words, "--root", ready.root)
    assert done.exit_code == 0, done.output
    result = result_of(ready.order("e000001"))
    assert result is not None and result["outcome"] == "finished"
    assert result["winner"] == "answers.jsonl"
    assert "answers.jsonl is better than base" in done.stdout
    report = evaluations.read_report(ready.evaluation("e000001"))
    assert report["subjects"][1]["missing"] == 2
    assert "\x1b" not in done.stdout
    for name in evaluations.REPORTS:
        assert (out / name).read_bytes() == (ready.order("e000001").folder / name).read_bytes()
    assert json.loads((out / "result.json").read_bytes()) == result
    assert locks.holder(ready.workspace_lock) is None
    shown = finetuned("evaluate", "e000001", "--json", "--root", ready.root)
    assert json.loads(shown.stdout) == result
    listed = json.loads(finetuned("evaluate", "--list", "--json", "--root", ready.root).stdout)
    assert [(one["evaluation"], one["outcome"]) for one in listed] == [("e000001", "finished")]


@pytest.mark.usefixtures("lock_held")
def test_beside_a_daemon_it_waits_and_can_be_looked_at(finetuned: Command, ready: Layout) -> None:
    asked = finetuned("evaluate", "--limit", "5", "--suite", "lakes", "--root", ready.root)
    assert asked.exit_code == 0, asked.output
    assert "0 of 1 parts" in asked.stdout
    again = finetuned("evaluate", "e000001", "--root", ready.root)
    assert "0 of 1 parts" in again.stdout
    assert orders.names(ready, EVALUATION) == ["e000001"]
    (suite,) = evaluations.read_suites(ready.evaluation("e000001"))
    assert (len(suite.suite.items), suite.of) == (5, 12)
    assert request_of(ready, "e000001").subjects[0].path == "v000000"
    assert "waits" in finetuned("evaluate", "--list", "--root", ready.root).stdout


def test_beside_a_command_that_does_one_order_alone_nobody_is_said_to_go_on(
    finetuned: Command, ready: Layout
) -> None:
    """It ends after its own order: no daemon is there that would do another one."""
    lock = locks.acquire(ready.workspace_lock, "p000001")
    assert lock is not None
    asked = finetuned("evaluate", "--limit", "5", "--suite", "lakes", "--root", ready.root)
    lock.release()
    assert asked.exit_code == 4 and "carrying out p000001" in asked.stderr
    assert "name e000001" in asked.stderr and "the daemon does" not in asked.output


@pytest.mark.usefixtures("lock_held")
def test_without_a_suite_all_are_asked_and_a_broken_one_is_told(
    finetuned: Command, ready: Layout
) -> None:
    (ready.evals / "broken.jsonl").write_text("no json\n")
    asked = finetuned("evaluate", "--base", "--limit", "1", "--root", ready.root)
    assert asked.exit_code == 0, asked.output
    names = [one.suite.name for one in evaluations.read_suites(ready.evaluation("e000001"))]
    assert "lakes" in names and "general_100" in names and "broken" not in names
    assert "broken.jsonl" in request_of(ready, "e000001").notes[0]


@pytest.mark.usefixtures("lock_held")
def test_the_prefix_of_the_settings_is_there_unless_another_or_none_is_named(
    finetuned: Command, ready: Layout
) -> None:
    ready.settings_file.write_text(
        '[prefixes]\nbrief = "Be brief."\nlong = "Say more."\n[training]\nprefix = "brief"\n'
    )
    for number, (words, wanted) in enumerate(
        [((), "brief"), (("--prefix", "long"), "long"), (("--prefix", "none"), None)], 1
    ):
        asked = finetuned("evaluate", "--base", "--suite", "lakes", *words, "--root", ready.root)
        assert asked.exit_code == 0, asked.output
        prefix = request_of(ready, f"e{number:06d}").subjects[0].prefix
        assert (None if prefix is None else prefix.name) == wanted
    unknown = finetuned("evaluate", "--prefix", "other", "--suite", "lakes", "--root", ready.root)
    assert unknown.exit_code == 1 and "no prefix other" in unknown.stderr


@pytest.mark.usefixtures("lock_held")
def test_a_version_is_asked_in_its_own_plain_form_and_the_base_in_that_of_the_settings(
    finetuned: Command, ready: Layout
) -> None:
    """Versions of before there was a form are asked without one."""
    spec = AdapterSpec("lora", 2, 2.0, 0.0, 1, ())
    files = {ADAPTER: {"sha256": "x", "size": 1}}
    train_version(ready, ("000001-a",), adapter=to_json_value(spec), files=files)
    (ready.version("v000001") / ADAPTER).write_bytes(b"x")
    for number, left_out in enumerate(("write", "refuse")):
        ready.settings_file.write_text(f'[template]\nleft_out = "{left_out}"\n')
        for named, words in (("base", ("--base",)), ("version", ())):
            asked = finetuned("evaluate", "--suite", "lakes", *words, "--root", ready.root)
            assert asked.exit_code == 0, asked.output
            order = f"e{2 * number + (1 if named == 'base' else 2):06d}"
            (subject,) = request_of(ready, order).subjects
            writes = named == "base" and left_out == "write"
            assert subject.plain_form == (PLAIN_FORM if writes else None), (named, left_out)


@pytest.mark.usefixtures("lock_held")
def test_the_judge_rows_of_the_lineage_are_a_suite(finetuned: Command, ready: Layout) -> None:
    refused = finetuned("evaluate", "--suite", "holdouts", "--root", ready.root)
    assert refused.exit_code == 1 and "have no held-out row" in refused.stderr
    train_version(ready, ("000001-a", "000002-gone"))
    place = ready.job("done", "000001-a")
    place.folder.mkdir()
    place.job_file.write_text("{}")
    turns = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    rows = [
        {"row": n, "line": n + 1, "tokens": 9, "half": half, "messages": turns}
        for n, half in enumerate(("judge", "tune", "judge"))
    ]
    rows.append({"row": 3, "line": 4, "tokens": 9, "half": "judge", "text": "plain"})
    called = {"role": "assistant", "content": "", "tool_calls": [{"function": CALL}]}
    rows.append({**rows[0], "row": 4, "line": 5, "messages": [turns[0], called]})
    place.holdout.write_text("".join(json.dumps(row) + "\n" for row in rows))
    asked = finetuned("evaluate", "--base", "--suite", "holdouts", "--root", ready.root)
    assert asked.exit_code == 0, asked.output
    (suite,) = evaluations.read_suites(ready.evaluation("e000001"))
    assert [item.id for item in suite.suite.items] == [
        "000001-a:0",
        "000001-a:2",
        "000001-a:4",
    ]
    assert [item.scorer for item in suite.suite.items] == [None, None, "calls"]
    notes = " ".join(request_of(ready, "e000001").notes)
    assert "000002-gone" in notes and "1 held-out rows are plain text" in notes


@pytest.mark.usefixtures("lock_held")
def test_the_rows_of_a_job_that_was_trained_again_are_asked_once(
    finetuned: Command, ready: Layout
) -> None:
    """`--suite holdouts` asked 24 items of which 12 were distinct: p-values came out too small."""
    train_version(ready, ("000001-a", "000001-a"))
    place = ready.job("done", "000001-a")
    place.folder.mkdir()
    place.job_file.write_text("{}")
    rows = [
        {
            "row": n,
            "line": n + 1,
            "tokens": 9,
            "half": "judge",
            "group": ("one", "two")[n // 2],
            "messages": [
                {"role": "user", "content": f"q{n}"},
                {"role": "assistant", "content": "a"},
            ],
        }
        for n in range(3)
    ]
    place.holdout.write_text("".join(json.dumps(row) + "\n" for row in rows))
    asked = finetuned("evaluate", "--base", "--suite", "holdouts", "--root", ready.root)
    assert asked.exit_code == 0, asked.output
    (suite,) = evaluations.read_suites(ready.evaluation("e000001"))
    items = suite.suite.items
    assert [item.id for item in items] == ["000001-a:0", "000001-a:1", "000001-a:2"]
    first, second, third = (item.group for item in items)
    assert first == second != third


CALL = {"name": "f", "arguments": {"x": 1}}


def train_version(layout: Layout, jobs: tuple[str, ...], **changes: Any) -> None:
    """Make a current version of some jobs, as far as its manifest says."""
    folder = layout.version("v000001")
    folder.mkdir()
    manifest = json.loads((layout.version("v000000") / MANIFEST).read_bytes())
    manifest |= {"version": "v000001", "parent": "v000000", "job_ids": list(jobs)} | changes
    (folder / MANIFEST).write_text(json.dumps(manifest))
    current_model.point_at(layout, "v000001")


def test_who_cannot_be_asked_is_refused_with_the_reason(
    finetuned: Command, ready: Layout, tmp_path: Path, answers: Path
) -> None:
    base = json.loads((ready.version("v000000") / MANIFEST).read_bytes())["base"]
    train_version(ready, (), base=base | {"fingerprint": "other", "model": "another"})
    odd = tmp_path / "odd"
    odd.mkdir()
    (odd / "adapters.safetensors").write_bytes(b"x")
    (odd / "adapter_config.json").write_text('{"fine_tune_type": "full", "lora_parameters": {}}')
    lost = tmp_path / "lost.jsonl"
    lost.write_text('{"id": "nobody", "answer": "x"}\n')
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"id": "i1"}\n')
    for named, told in (
        ("nobody", "none of these"),
        ("v000009", "no version v000009"),
        ("1", "needs the base model another, which does not lie in"),
        (odd, "only lora"),
        (lost, "answers no question"),
        (bad, "line 1"),
        ("base", "twice"),
    ):
        refused = finetuned("compare", "base", named, "--suite", "lakes", "--root", ready.root)
        assert refused.exit_code == 1 and told in refused.stderr, refused.output
    unknown = finetuned("evaluate", "--base", "--suite", "seas", "--root", ready.root)
    assert "there are" in unknown.stderr and "lakes" in unknown.stderr
    alone = finetuned("compare", answers, "--root", ready.root)
    assert alone.exit_code == 1 and "two or more" in alone.stderr
    assert orders.names(ready, EVALUATION) == []


def test_a_mistake_in_the_targets_is_told_with_its_line(finetuned: Command, ready: Layout) -> None:
    ready.settings_file.write_text('[targets]\n"lakes.main" = 2\n')
    refused = finetuned("evaluate", "--base", "--suite", "lakes", "--root", ready.root)
    assert refused.exit_code != 0 and "from 0 to 1" in refused.stderr


def test_own_prompts_are_put_to_the_base_too(finetuned: Command, ready: Layout) -> None:
    """What the training has changed about the writing shows beside the untouched base only."""
    train_version(ready, ())
    (ready.evals / "probes.jsonl").write_text('{"prompt": "Describe a lake."}\n')
    lock = locks.acquire(ready.workspace_lock)
    assert lock is not None
    for suite, names in (("probes", ["v000001", "base"]), ("lakes", ["v000001"])):
        asked = finetuned("evaluate", "--suite", suite, "--root", ready.root)
        assert asked.exit_code == 0, asked.output
        order = orders.names(ready, EVALUATION)[-1]
        assert [one.name for one in request_of(ready, order).subjects] == names
    assert "--habit" in " ".join(request_of(ready, "e000001").notes)
    refused = finetuned(
        "evaluate", "--suite", "probes", "--habit", "no.jsonl", "--root", ready.root
    )
    assert refused.exit_code == 1 and "no file no.jsonl was trained" in refused.stderr
    lock.release()


@pytest.mark.end_to_end
def test_answers_are_saved_as_files_that_compare_again(
    finetuned: Command, ready: Layout, tmp_path: Path
) -> None:
    folder = tmp_path / "answers"
    words = ("evaluate", "--base", "--suite", "lakes", "--rehearse", "--save-answers", folder)
    done = finetuned(*words, "--root", ready.root)
    assert done.exit_code == 0, done.output
    lines = (folder / "base.jsonl").read_text().splitlines()
    assert len(lines) == 12 and json.loads(lines[0])["suite"] == "lakes"
    again = ("compare", "base", folder / "base.jsonl", "--suite", "lakes", "--rehearse")
    compared = finetuned(*again, "--root", ready.root)
    assert compared.exit_code == 0, compared.output
    report = evaluations.read_report(ready.evaluation("e000002"))
    assert report["tests"][0]["change"] == 0.0 and report["subjects"][1]["missing"] == 0


@pytest.mark.end_to_end
def test_a_version_of_another_workspace_answers_on_its_own_base(
    finetuned: Command, ready: Layout, tmp_path: Path
) -> None:
    """Versions of two bases could not be compared at all."""
    other = Layout((tmp_path / "other").resolve())
    make_workspace(other)
    facts = replace(make_base(other, "another"), fingerprint="f" * 64)
    bases.write_facts(other, facts)
    Models(other).seal_base("2030-01-01T00:00:00+00:00", facts, {})
    adapter = to_json_value(AdapterSpec("lora", 2, 2.0, 0.0, 1, ()))
    weights = save({"a": np.zeros(4, np.float32)})
    files = {ADAPTER: {"sha256": sha256(weights).hexdigest(), "size": len(weights)}}
    train_version(other, (), adapter=adapter, files=files)
    (other.version("v000001") / ADAPTER).write_bytes(weights)
    words = ("compare", "base", other.version("v000001"), "--suite", "lakes", "--rehearse")
    done = finetuned(*words, "--root", ready.root)
    assert done.exit_code == 0, done.output
    foreign = request_of(ready, "e000001").subjects[1]
    assert foreign.name == "other/v000001" and foreign.base == facts
    assert foreign.base_folder == str(other.base(facts.name))
    report = evaluations.read_report(ready.evaluation("e000001"))
    assert [one["failed"] for one in report["subjects"]] == [[], []]
    assert [one["test"] for one in report["losses"]] == [None] * len(report["losses"])


@pytest.mark.end_to_end
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_comparison_ends_non_zero_with_one_line(
    ready: Layout, number: int, code: int
) -> None:
    """It ended with 0, so that a script took half a comparison for a whole one."""
    argv = [sys.executable, "-P", "-m", "daemon", "compare", "base", "current_model", "--rehearse"]
    with subprocess.Popen(
        [*argv, "--root", str(ready.root)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if b"piece_begun" in line:
                process.send_signal(number)
                break
        left = process.stdout.read().decode()
        assert process.wait() == code, left
    assert result_of(ready.order("e000001")) is None
    last = left.strip().splitlines()[-1]
    assert last.startswith("e000001 was interrupted, what is done stays: ")
    assert "Traceback" not in left
