"""`init`, and which folders count as a workspace."""

import json
from collections.abc import Callable
from pathlib import Path

from typer.testing import Result

from daemon.layout import Layout
from daemon.settings import Settings
from daemon.settings_file import read_settings

Command = Callable[..., Result]


def test_init_makes_the_folders_and_the_default_settings(
    finetuned: Command, tmp_path: Path
) -> None:
    done = finetuned("init", tmp_path / "w")
    layout = Layout(tmp_path / "w")
    assert done.exit_code == 0
    assert "finetuned run" in done.stdout
    assert read_settings(layout.settings_file) == Settings()
    for folder in (layout.inbox / "high", layout.control, layout.bases, layout.queue / "done"):
        assert folder.is_dir()


def test_init_takes_its_folder_as_an_option_too_as_every_other_command(
    finetuned: Command, tmp_path: Path
) -> None:
    """`init --root DIR` was refused, though each other command takes its workspace so."""
    done = finetuned("init", "--root", tmp_path / "w")
    assert done.exit_code == 0 and f"finetuned run --root {tmp_path / 'w'}" in done.stdout
    assert Layout(tmp_path / "w").settings_file.exists()
    twice = finetuned("init", tmp_path / "a", "--root", tmp_path / "b")
    assert twice.exit_code == 2 and "once" in twice.stderr
    assert not (tmp_path / "a").exists() and not (tmp_path / "b").exists()


def test_init_never_overwrites_settings(finetuned: Command, layout: Layout) -> None:
    layout.settings_file.write_text("[training]\nepochs = 9\n")
    done = finetuned("init", layout.root)
    assert done.exit_code == 1
    assert "left as it is" in done.stderr
    assert read_settings(layout.settings_file).training.epochs == 9


def test_init_prints_facts_as_json(finetuned: Command, tmp_path: Path) -> None:
    done = finetuned("init", tmp_path / "w", "--json")
    assert json.loads(done.stdout)["root"] == str(tmp_path / "w")


def test_a_folder_that_is_no_workspace_is_named_with_the_way_out(
    finetuned: Command, tmp_path: Path
) -> None:
    (tmp_path / "letter.txt").write_text("hello")
    for words in (["status"], ["run", "--until-idle"], ["versions"], ["pause"]):
        done = finetuned(*words, "--root", tmp_path)
        assert done.exit_code == 2
        assert "finetuned init" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_an_unknown_command_is_a_usage_error(finetuned: Command) -> None:
    assert finetuned("fine").exit_code == 2
