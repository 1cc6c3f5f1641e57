"""`doctor` names what is wrong and shows the settings that count."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from daemon.cli.checks import checks
from daemon.folders.disk import volume
from daemon.layout import Layout
from daemon.model import wheels
from tests.text.tiny_tokenizer import CHATML, write_tokenizer

Command = Callable[..., Result]


@pytest.fixture(autouse=True)
def _a_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare each test the start of MLX in a process of its own."""
    found: dict[str, Any] = {
        "mlx": "1",
        "mlx_lm": "1",
        "device": "cpu",
        "cpu": True,
        "name": "CPU",
        "blas": "x",
    }
    monkeypatch.setattr(checks, "probe_backend", lambda: found)


def told(done: Result) -> dict[str, str]:
    return {check["name"]: check["state"] for check in json.loads(done.stdout)["checks"]}


def test_a_good_workspace_is_well(finetuned: Command, layout: Layout) -> None:
    done = finetuned("doctor", "--json", "--root", layout.root)
    facts = json.loads(done.stdout)
    assert facts["settings"]["training"]["rank"] == 16
    assert told(done)["settings"] == told(done)["links"] == told(done)["python"] == "good"


def test_every_mistake_in_the_settings_is_named(finetuned: Command, layout: Layout) -> None:
    layout.settings_file.write_text("[training]\nrank = 0\nepoch = 2\n")
    done = finetuned("doctor", "--root", layout.root)
    assert done.exit_code == 5
    assert "training.rank" in done.stdout
    assert "training.epoch" in done.stdout


def test_a_changed_setting_is_marked(finetuned: Command, layout: Layout) -> None:
    layout.settings_file.write_text("[training]\nepochs = 7\n")
    lines = finetuned("doctor", "--root", layout.root).stdout.splitlines()
    [line] = [line for line in lines if "training.epochs" in line]
    assert line.split() == ["training.epochs", "7", "changed"]


def test_a_synchronised_folder_is_wrong(finetuned: Command, tmp_path: Path) -> None:
    """Fault D10."""
    layout = Layout(tmp_path / "Dropbox" / "w")
    layout.inbox.mkdir(parents=True)
    done = finetuned("doctor", "--json", "--root", layout.root)
    assert done.exit_code == 5
    assert told(done)["place"] == "wrong"


def test_a_folder_that_anyone_may_change_is_warned_of(finetuned: Command, layout: Layout) -> None:
    """Fault D9."""
    layout.root.chmod(0o777)
    assert told(finetuned("doctor", "--json", "--root", layout.root))["place"] == "warning"


@pytest.mark.parametrize(
    ("platform", "place", "state"),
    [("darwin", "Documents/w", "warning"), ("darwin", "w", None), ("linux", "Documents/w", None)],
)
def test_a_folder_that_macos_guards_is_warned_of_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: str, place: str, state: str | None
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("sys.platform", platform)
    root = tmp_path / place
    root.mkdir(parents=True)
    assert {check.state for check in checks.place_checks(root)} == ({state} if state else set())


def test_a_removable_volume_is_guarded_as_a_whole() -> None:
    guarded = volume.guarded_folder(Path("/Volumes/Stick/w"), Path("/Users/u"))
    assert guarded == Path("/Volumes/Stick")
    assert volume.guarded_folder(Path("/Volumesque/w"), Path("/Users/u")) is None


def test_a_second_account_of_a_cloud_service_is_one_too() -> None:
    assert volume.cloud_folder(Path("/h/OneDrive - Firm/w")) == "OneDrive - Firm"
    assert volume.cloud_folder(Path("/h/OneDriver/w")) is None


def test_a_model_that_is_not_there_is_wrong(finetuned: Command, layout: Layout) -> None:
    layout.settings_file.write_text('model = "/nowhere/model"\n')
    assert told(finetuned("doctor", "--json", "--root", layout.root))["model"] == "wrong"


def test_what_the_template_of_the_base_cannot_say_is_warned_of(
    finetuned: Command, layout: Layout, tmp_path: Path
) -> None:
    """It was first said by the rows of a file that were refused for it."""
    (tmp_path / "base").mkdir()
    write_tokenizer(tmp_path / "base", None)
    layout.settings_file.write_text(f'model = "{tmp_path / "base"}"\n')
    done = finetuned("doctor", "--json", "--root", layout.root)
    assert told(done)["template"] == "warning"
    assert "has no chat template" in done.stdout


def test_what_a_template_leaves_out_is_told_with_the_form_it_is_written_in(
    finetuned: Command, layout: Layout, tmp_path: Path
) -> None:
    """It is no trouble where it is written plainly, and one where rows are refused for it."""
    (tmp_path / "base").mkdir()
    write_tokenizer(tmp_path / "base", CHATML)
    model = f'model = "{tmp_path / "base"}"\n'
    layout.settings_file.write_text(model)
    done = finetuned("doctor", "--json", "--root", layout.root)
    assert told(done)["template"] == "good"
    assert "leaves out tools and tool calls" in done.stdout and "hermes-1" in done.stdout
    layout.settings_file.write_text(f'{model}[template]\nleft_out = "refuse"\n')
    done = finetuned("doctor", "--json", "--root", layout.root)
    assert told(done)["template"] == "warning" and "such rows are refused" in done.stdout


def test_an_mlx_that_cannot_be_used_is_wrong(
    finetuned: Command, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "probe_backend", lambda: "no driver")
    done = finetuned("doctor", "--root", layout.root)
    assert done.exit_code == 5
    assert "no driver" in done.stdout


def test_looking_leaves_nothing_behind(finetuned: Command, layout: Layout) -> None:
    before = sorted(layout.root.rglob("*"))
    finetuned("doctor", "--root", layout.root)
    assert sorted(layout.root.rglob("*")) == before


@pytest.mark.linux("elsewhere MLX is one wheel")
def test_wheels_beside_each_other_are_named(
    finetuned: Command, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two wheels own the same library; which device computed was up to their order."""
    both = wheels.Wheels(("mlx-cpu", "mlx-cuda-12"), "mlx-cpu", library=True)
    monkeypatch.setattr(wheels, "installed", lambda: both)
    assert told(finetuned("doctor", "--json", "--root", layout.root))["wheels"] == "warning"
