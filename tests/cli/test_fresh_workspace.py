"""Files can be looked at before the first run.

Fault: `preview`, `data stats` and `data dedup` ended
with "the base model is not ready" until a daemon had run once.
"""

import json
from pathlib import Path

import pytest

from daemon.folders.disk import locks
from daemon.folders.models import bases
from daemon.layout import Layout
from tests.cli.conftest import Command
from tests.model.tiny import write_model


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Twelve rows, two of them equal, with a key that nobody knows."""
    path = tmp_path / "rows.jsonl"
    found = [
        {"prompt": f"question {n % 11}", "completion": f"answer {n % 11}", "remark": "x"}
        for n in range(12)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in found))
    return path


def choose(layout: Layout, model: str) -> None:
    layout.settings_file.write_text(f"model = {json.dumps(model)}\n")


@pytest.mark.parametrize("command", [["preview"], ["data", "stats"], ["data", "preview"]])
def test_forms_and_duplicates_are_told_without_a_base_model(
    finetuned: Command, layout: Layout, rows: Path, command: list[str]
) -> None:
    choose(layout, "/nowhere/a-model")
    done = finetuned(*command, rows, "--root", layout.root)
    assert done.exit_code == 0, done.output
    assert "Read as prompt -> completion (12 rows)" in done.output
    assert "duplicate_in_file x 1" in done.output and "`remark` of 12 rows" in done.output
    assert "Lengths in tokens" in done.output and "/nowhere/a-model" in done.output
    assert "Length in tokens (" not in done.output


def test_lines_that_are_new_are_written_without_a_base_model(
    finetuned: Command, layout: Layout, rows: Path, tmp_path: Path
) -> None:
    choose(layout, "/nowhere/a-model")
    target = tmp_path / "new.jsonl"
    done = finetuned("data", "dedup", rows, "-o", target, "--root", layout.root)
    assert done.exit_code == 0 and len(target.read_text().splitlines()) == 11


def test_rows_with_tools_and_reasoning_can_be_looked_at_without_a_base_model(
    finetuned: Command, layout: Layout, tmp_path: Path
) -> None:
    path = tmp_path / "calls.jsonl"
    call = {"function": {"name": "f", "arguments": {"x": 1}}}
    messages = [
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": None, "reasoning_content": "hm", "tool_calls": [call]},
    ]
    row = {"messages": messages, "tools": [{"name": "f"}]}
    path.write_text(json.dumps(row) + "\n")
    choose(layout, "/nowhere/a-model")
    done = finetuned("preview", path, "--root", layout.root)
    assert "1 of 1 row is trained" in done.output, done.output


def test_the_base_model_is_made_ready_where_it_is_not_yet(
    finetuned: Command, layout: Layout, rows: Path, tmp_path: Path
) -> None:
    choose(layout, str(write_model(tmp_path / "tiny")))
    done = finetuned("preview", rows, "--root", layout.root)
    assert done.exit_code == 0, done.output
    assert "Length in tokens (" in done.output and "rows by token" in done.output
    assert bases.read_facts(layout, str(tmp_path / "tiny")) is not None
    assert locks.holder(layout.trainer_lock) is None


def test_beside_a_trainer_the_base_is_left_to_it(
    finetuned: Command, layout: Layout, rows: Path, tmp_path: Path
) -> None:
    choose(layout, str(write_model(tmp_path / "tiny")))
    lock = locks.acquire(layout.trainer_lock)
    assert lock is not None
    try:
        done = finetuned("preview", rows, "--root", layout.root)
    finally:
        lock.release()
    assert done.exit_code == 0 and "has not prepared" in done.output
    assert bases.read_facts(layout, str(tmp_path / "tiny")) is None
