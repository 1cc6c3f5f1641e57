"""`doctor --gpu` shows what the self-check finds and remembers it; the checks are a stand-in's."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from daemon.cli.commands import doctor_gpu
from daemon.folders.disk import locks
from daemon.layout import Layout
from daemon.self_check.children import CheckOptions
from daemon.self_check.finding import CheckRow

Command = Callable[..., Result]

MACHINE = CheckRow("machine", "said", "finetuned 1, a chip", 0.1, {"device": "A chip"})
WELL = CheckRow("answers", "ok", "as they should be", 0.2)
ILL = CheckRow("answers", "wrong", "none came", 0.2)
SPEEDS = CheckRow("base: row lengths", "said", "256: 90", 3.0, {"tokens_per_s": {"256": 90.0}})


@pytest.fixture
def finding(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[CheckOptions]]:
    """Have the self-check find what is given; what it is asked for is in the list returned."""

    def give(*findings: CheckRow) -> list[CheckOptions]:
        asked: list[CheckOptions] = []

        def check(wanted: CheckOptions, **_: Any) -> Iterator[CheckRow]:
            asked.append(wanted)
            yield from findings

        monkeypatch.setattr(doctor_gpu, "check", check)
        return asked

    return give


def kept(layout: Layout) -> Any:
    return json.loads(layout.machine.read_bytes())["entries"]["A chip|self_check"]


def test_it_shows_one_markdown_table_under_a_line_with_the_versions(
    finetuned: Command, tmp_path: Path, finding: Callable[..., list[CheckOptions]]
) -> None:
    finding(MACHINE, WELL)
    done = finetuned("doctor", "--gpu", "--quick", "--root", tmp_path)
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "finetuned 1, a chip",
        "",
        "| state | check | found | seconds |",
        "| --- | --- | --- | --- |",
        "| said | machine | finetuned 1, a chip | 0.1 |",
        "| ok | answers | as they should be | 0.2 |",
        "",
        "nothing is wrong",
    ]


def test_what_is_wrong_is_said_last_and_is_the_exit_code(
    finetuned: Command, tmp_path: Path, finding: Callable[..., list[CheckOptions]]
) -> None:
    finding(MACHINE, ILL)
    done = finetuned("doctor", "--gpu", "--root", tmp_path)
    assert done.exit_code == 5
    assert done.stdout.splitlines()[-1] == "wrong: answers"


def test_the_json_has_every_figure_and_the_table_too(
    finetuned: Command, tmp_path: Path, finding: Callable[..., list[CheckOptions]]
) -> None:
    finding(MACHINE, SPEEDS)
    body = json.loads(finetuned("doctor", "--gpu", "--json", "--root", tmp_path).stdout)
    assert body["ok"] is True
    assert body["checks"][1]["figures"]["tokens_per_s"] == {"256": 90.0}
    assert body["markdown"].splitlines()[-1] == "| said | base: row lengths | 256: 90 | 3.0 |"


def test_no_workspace_is_needed_and_none_is_made(
    finetuned: Command, tmp_path: Path, finding: Callable[..., list[CheckOptions]]
) -> None:
    finding(MACHINE, WELL)
    finetuned("doctor", "--gpu", "--root", tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_workspace_remembers_when_it_was_checked_and_what_was_wrong(
    finetuned: Command, layout: Layout, finding: Callable[..., list[CheckOptions]]
) -> None:
    finding(MACHINE, ILL, SPEEDS)
    finetuned("doctor", "--gpu", "--root", layout.root)
    entry = kept(layout)
    assert entry["wrong"] == ["answers"]
    assert entry["checked_at"].endswith("+00:00")
    assert entry["speeds"] == {"tokens_per_s": {"256": 90.0}}


def test_a_quick_check_leaves_the_speeds_of_a_full_one(
    finetuned: Command, layout: Layout, finding: Callable[..., list[CheckOptions]]
) -> None:
    finding(MACHINE, SPEEDS)
    finetuned("doctor", "--gpu", "--root", layout.root)
    finding(MACHINE, WELL)
    finetuned("doctor", "--gpu", "--quick", "--root", layout.root)
    assert kept(layout)["quick"] is True
    assert kept(layout)["speeds"] == {"tokens_per_s": {"256": 90.0}}


def test_beside_a_daemon_nothing_is_measured(
    finetuned: Command, layout: Layout, finding: Callable[..., list[CheckOptions]]
) -> None:
    asked = finding(MACHINE, WELL)
    held = locks.acquire(layout.workspace_lock)
    assert held is not None
    done = finetuned("doctor", "--gpu", "--root", layout.root)
    held.release()
    assert done.exit_code == 4
    assert not asked


def test_the_workspaces_own_base_is_checked(
    finetuned: Command, layout: Layout, finding: Callable[..., list[CheckOptions]]
) -> None:
    base = layout.root / "my-model"
    base.mkdir()
    layout.settings_file.write_text('model = "./my-model"\n')
    asked = finding(MACHINE, WELL)
    finetuned("doctor", "--gpu", "--root", layout.root)
    finetuned("doctor", "--gpu", "--quick", "--break", "--root", layout.root)
    assert asked == [CheckOptions(base=str(base)), CheckOptions(quick=True, breaking=True)]


def test_quick_and_break_are_refused_without_gpu(finetuned: Command, layout: Layout) -> None:
    for option in ("--quick", "--break"):
        done = finetuned("doctor", option, "--root", layout.root)
        assert done.exit_code != 0
        assert "--gpu" in done.stderr
