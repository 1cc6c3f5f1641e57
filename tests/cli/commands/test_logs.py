"""`logs`: the last lines, then what comes, and nothing that steers the terminal."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import Result

from daemon.clock import SystemClock
from daemon.layout import Layout

Command = Callable[..., Result]


def write(layout: Layout, *events: str, **facts: Any) -> None:
    layout.logs.mkdir(exist_ok=True)
    with layout.log_file.open("a") as file:
        for event in events:
            record = {"timestamp": "2030-01-01T10:00:00.5Z", "level": "warning", "event": event}
            file.write(json.dumps({**record, **facts}) + "\n")


def test_the_last_lines_are_shown_with_their_facts(finetuned: Command, layout: Layout) -> None:
    write(layout, "one", "two", "three", job="000001-x", run=None)
    done = finetuned("logs", "-n", "2", "--root", layout.root)
    assert done.stdout.splitlines() == [
        "2030-01-01 10:00:00 warning  two job=000001-x",
        "2030-01-01 10:00:00 warning  three job=000001-x",
    ]


def test_what_is_written_later_is_followed(
    finetuned: Command, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(layout, "before")
    looks = iter(["first", "second"])

    def wait(_: SystemClock, seconds: float) -> None:
        event = next(looks, None)
        if event is None:
            raise KeyboardInterrupt
        write(layout, event)

    monkeypatch.setattr("daemon.cli.commands.logs.SystemClock.sleep_s", wait)
    done = finetuned("logs", "-f", "-n", "0", "--json", "--root", layout.root)
    assert done.exit_code == 0
    assert [json.loads(line)["event"] for line in done.stdout.splitlines()] == ["first", "second"]


def test_what_a_file_name_says_steers_no_terminal(finetuned: Command, layout: Layout) -> None:
    """Fault S6."""
    write(layout, "\x1b[2J[red]\nforged line", name="\x1b]0;x\x07")
    done = finetuned("logs", "--root", layout.root)
    assert "\x1b" not in done.stdout and "[red]\\nforged line" in done.stdout
    assert len(done.stdout.splitlines()) == 1


def test_a_workspace_without_a_log_says_so(finetuned: Command, layout: Layout) -> None:
    assert "no log yet" in finetuned("logs", "--root", layout.root).stdout
