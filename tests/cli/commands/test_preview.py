"""`preview` says what would happen, and invents no number."""

import json
from pathlib import Path

import pytest

from daemon.cli.commands import preview
from daemon.cli.files.estimate import cost_of
from daemon.layout import Layout
from daemon.settings import TrainingSettings
from tests.cli.conftest import Command
from tests.cli.looked import Looking
from tests.manifests import manifest_record


@pytest.fixture
def looking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Looking:
    folder = tmp_path / "scratch"
    folder.mkdir()
    made = Looking(folder)
    monkeypatch.setattr(preview, "examine_file", made)
    return made


def test_the_verdict_the_reasons_and_the_lengths_are_shown(
    looking: Looking, finetuned: Command, layout: Layout
) -> None:
    shown = finetuned("preview", "x.jsonl", "--root", layout.root).output
    assert "757 of 800 rows are trained" in shown
    assert "not_json x 3" in shown and "line 17" in shown
    assert "Length in tokens" in shown and "█" in shown


def test_without_a_measured_run_time_and_memory_are_not_known(
    looking: Looking, finetuned: Command, layout: Layout
) -> None:
    shown = finetuned("preview", "x.jsonl", "--root", layout.root).output
    assert "time and memory are unknown" in shown


def test_time_is_told_from_the_newest_run_that_measured_it(
    looking: Looking, finetuned: Command, layout: Layout
) -> None:
    for number, speed in (("v000001", 10.0), ("v000002", 20.0), ("v000003", None)):
        folder = layout.version(number)
        folder.mkdir(parents=True)
        manifest = manifest_record(number, platform="here", metrics={"tokens_per_s": speed})
        (folder / "manifest.json").write_text(json.dumps(manifest))
    shown = finetuned("preview", "x.jsonl", "--root", layout.root).output
    assert "20 tokens per second, as v000002 measured on here" in shown
    assert "v000002 did not record it" in shown


def test_without_colours_tokens_carry_marks_and_no_control_character(
    looking: Looking, finetuned: Command, layout: Layout
) -> None:
    shown = finetuned("preview", "x.jsonl", "--rows", "1", "--root", layout.root).output
    assert "asked [said]<\\u001b[2J>" in shown
    assert "\x1b" not in shown
    assert "line 1, 30 tokens" in shown and "line 3," not in shown


def test_json_is_the_report(looking: Looking, finetuned: Command, layout: Layout) -> None:
    shown = finetuned("preview", "x.jsonl", "--json", "--root", layout.root).output
    assert json.loads(shown) == looking.report


def test_a_missing_file_is_named(finetuned: Command, layout: Layout, tmp_path: Path) -> None:
    missing = finetuned("preview", tmp_path / "no.jsonl", "--root", layout.root)
    assert missing.exit_code == 1 and "no.jsonl is not there" in missing.output


def test_padding_is_what_the_trainer_would_compute() -> None:
    cost = cost_of([10, 20, 30], TrainingSettings(epochs=2, batch_rows=3))
    assert (cost.steps, cost.tokens, cost.computed, cost.rows) == (2, 60, 64, 1)
    apart = cost_of([10, 20, 30], TrainingSettings(epochs=2, batch_rows=3, row_tokens=32))
    assert (apart.tokens, apart.computed, apart.rows) == (60, 64, 2)
