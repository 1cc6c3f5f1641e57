"""`submit` copies into the inbox whole, and refuses before it copies."""

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from daemon.layout import Layout

Command = Callable[..., Result]
ROWS = b'{"text": "one"}\n{"text": "two"}\n'


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(ROWS)
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def test_the_bytes_arrive_and_the_original_stays(
    finetuned: Command, layout: Layout, rows: Path
) -> None:
    done = finetuned("submit", rows, "--root", layout.root)
    assert done.exit_code == 0
    assert (layout.inbox / "rows.jsonl").read_bytes() == ROWS == rows.read_bytes()
    assert "no daemon is running" in done.stdout


def test_a_priority_is_a_folder(finetuned: Command, layout: Layout, rows: Path) -> None:
    finetuned("submit", rows, "--priority", "high", "--root", layout.root)
    assert names(layout.inbox / "high") == ["rows.jsonl"]
    assert finetuned("submit", rows, "--priority", "urgent", "--root", layout.root).exit_code == 2


def test_a_name_that_is_taken_is_never_overwritten(
    finetuned: Command, layout: Layout, rows: Path
) -> None:
    (layout.inbox / "rows.jsonl").write_bytes(b"mine")
    (layout.inbox / "rows-2.valid.jsonl").write_bytes(b"mine too")
    finetuned("submit", rows, "--root", layout.root)
    assert names(layout.inbox) == ["rows-2.valid.jsonl", "rows-3.jsonl", "rows.jsonl"]
    assert (layout.inbox / "rows.jsonl").read_bytes() == b"mine"


def test_hold_out_and_own_settings_lie_beside_the_file(
    finetuned: Command, layout: Layout, rows: Path
) -> None:
    words = ["--holdout", rows, "--set", "training.epochs=3", "--set", "training.optimizer=lion"]
    done = finetuned("submit", rows, *words, "--root", layout.root)
    assert done.exit_code == 0
    assert names(layout.inbox) == ["rows.jsonl", "rows.settings.toml", "rows.valid.jsonl"]
    own = tomllib.loads((layout.inbox / "rows.settings.toml").read_text())
    assert own == {"training": {"epochs": 3, "optimizer": "lion"}}


def test_the_settings_that_lie_beside_a_file_go_with_it(
    finetuned: Command, layout: Layout, rows: Path
) -> None:
    """The refusal names NAME.settings.toml: what was written there was left behind in silence."""
    beside = rows.with_name("rows.settings.toml")
    beside.write_text('[intake.fields]\nprompt = "frage"\n[training]\nepochs = 2\n')
    done = finetuned("submit", rows, "--set", "training.epochs=3", "--root", layout.root)
    assert done.exit_code == 0
    own = tomllib.loads((layout.inbox / "rows.settings.toml").read_text())
    assert own == {"intake": {"fields": {"prompt": "frage"}}, "training": {"epochs": 3}}
    beside.write_text('[intake.fields]\npromt = "frage"\n')
    done = finetuned("submit", rows, "--root", layout.root)
    assert done.exit_code == 1 and "rows.settings.toml" in done.stderr + done.stdout


@pytest.mark.parametrize(
    "setting", ["training.epochs=0", "training.rank=4", "gate.level=0.1", "training.epoch=2"]
)
def test_a_setting_that_cannot_be_used_refuses_the_file(
    finetuned: Command, layout: Layout, rows: Path, setting: str
) -> None:
    done = finetuned("submit", rows, "--set", setting, "--root", layout.root)
    assert done.exit_code == 2
    assert names(layout.inbox) == []


@pytest.mark.parametrize("setting", ["epochs=3", "training.epochs", "=3"])
def test_a_setting_needs_section_key_and_value(
    finetuned: Command, layout: Layout, rows: Path, setting: str
) -> None:
    done = finetuned("submit", rows, "--set", setting, "--root", layout.root)
    assert done.exit_code == 2
    assert names(layout.inbox) == []


def test_one_bad_file_among_several_keeps_all_out(
    finetuned: Command, layout: Layout, rows: Path, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("no")
    for bad in (tmp_path / "notes.txt", tmp_path / "gone.jsonl", tmp_path):
        assert finetuned("submit", rows, bad, "--root", layout.root).exit_code == 1
    assert names(layout.inbox) == []


def test_a_file_of_another_kind_arrives_as_it_is(
    finetuned: Command, layout: Layout, tmp_path: Path
) -> None:
    """It was converted on the way, so that what the job kept was not what was submitted."""
    for name, given in (("rows.json", "rows.json"), ("rows", "rows-2.jsonl")):
        (tmp_path / name).write_bytes(b'[{"text": "one"},\n {"text": "two"}]')
        assert finetuned("submit", tmp_path / name, "--root", layout.root).exit_code == 0
        assert (layout.inbox / given).read_bytes() == (tmp_path / name).read_bytes()


def test_what_holds_no_rows_is_named_and_not_submitted(
    finetuned: Command, layout: Layout, tmp_path: Path
) -> None:
    """It lay in the inbox until the daemon had refused each of its lines."""
    broken = tmp_path / "rows.json"
    broken.write_bytes(b"%PDF-1.7")
    done = finetuned("submit", broken, "--root", layout.root)
    assert done.exit_code == 1
    assert done.stderr.count("\n") == 1 and "a PDF document" in done.stderr
    assert names(layout.inbox) == []


@pytest.fixture
def three(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / name for name in ("test.jsonl", "train.csv", "valid.jsonl")]
    for path in paths:
        path.write_bytes(b"text\none\n" if path.suffix == ".csv" else ROWS)
    return paths


def test_train_valid_and_test_are_submitted_together(
    finetuned: Command, layout: Layout, three: list[Path]
) -> None:
    """mlx-lm's layout: each of the three became a file to train from."""
    for _ in range(2):
        assert finetuned("submit", *three, "--root", layout.root).exit_code == 0
    assert names(layout.inbox) == [
        "test.jsonl",
        "train-2.csv",
        "train-2.test.jsonl",
        "train-2.valid.jsonl",
        "train.csv",
        "valid.jsonl",
    ]


@pytest.mark.parametrize(
    ("use", "there"),
    [
        ("train", {"valid-rows.jsonl": ROWS}),
        ("holdout", {"valid-rows.jsonl": b"", "valid-rows.valid.jsonl": ROWS}),
        ("exam", {"valid-rows.jsonl": b"", "valid-rows.test.jsonl": ROWS}),
    ],
)
def test_what_a_file_is_used_for_can_be_said(
    finetuned: Command, layout: Layout, three: list[Path], use: str, there: dict[str, bytes]
) -> None:
    """A file called `valid` was trained by itself without a word."""
    alone = finetuned("submit", three[2], "--root", layout.root)
    assert alone.exit_code == 1 and "--as train" in alone.stderr and not names(layout.inbox)
    assert finetuned("submit", three[2], "--as", use, "--root", layout.root).exit_code == 0
    assert {path.name: path.read_bytes() for path in layout.inbox.glob("*.jsonl")} == there
    assert finetuned("submit", three[2], "--as", "x", "--root", layout.root).exit_code == 2


def test_names_the_daemon_would_ignore_are_mended(
    finetuned: Command, layout: Layout, tmp_path: Path
) -> None:
    for name in (".hidden.jsonl", f"{'long' * 60}.jsonl"):
        (tmp_path / name).write_bytes(ROWS)
        assert finetuned("submit", tmp_path / name, "--root", layout.root).exit_code == 0
    assert names(layout.inbox) == ["hidden.jsonl", f"{'long' * 50}.jsonl"]


def test_waiting_without_a_daemon_submits_nothing(
    finetuned: Command, layout: Layout, rows: Path
) -> None:
    done = finetuned("submit", rows, "--wait", "--root", layout.root)
    assert done.exit_code == 7
    assert "finetuned run" in done.stderr
    assert names(layout.inbox) == []


def test_own_names_of_keys_are_given_for_one_file(
    finetuned: Command, layout: Layout, rows: Path
) -> None:
    """They could be told for the whole workspace only."""
    words = ["--fields", "prompt=query, completion=reply", "--set", "intake.reasoning=leave_out"]
    assert finetuned("submit", rows, *words, "--root", layout.root).exit_code == 0
    own = tomllib.loads((layout.inbox / "rows.settings.toml").read_text())
    assert own == {
        "intake": {"fields": {"prompt": "query", "completion": "reply"}, "reasoning": "leave_out"}
    }


@pytest.mark.parametrize("fields", ["prompt", "=x", "wizard=x", "prompt="])
def test_a_name_of_a_field_that_is_none_is_refused(
    finetuned: Command, layout: Layout, rows: Path, fields: str
) -> None:
    done = finetuned("submit", rows, "--fields", fields, "--root", layout.root)
    assert done.exit_code == 2 and not names(layout.inbox)
