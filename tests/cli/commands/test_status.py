"""`status`: the page for people, and the truth about a dead daemon."""

import json
import os
import pty
import select
import subprocess
import sys
import termios
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from rich.console import Console
from typer.testing import Result

from daemon.cli.files.follow import _facts
from daemon.cli.output.status_page import page
from daemon.clock import SystemClock
from daemon.core.status.durations import duration
from daemon.layout import Layout

Command = Callable[..., Result]


def document(**changes: Any) -> Any:
    return {
        "status": "training",
        "message": "r000001 is being trained",
        "current_step": 30,
        "total_steps": 120,
        "progress_percent": 25.0,
        "eta_seconds": 95.0,
        "epoch": 1,
        "current_file": "x.jsonl",
        "loss": 0.5,
        "validation_loss": 0.6,
        "accuracy_percent": 40.0,
        "best_accuracy": 60.0,
        "best_step": 20,
        "total_correct": 4,
        "total_evals": 10,
        "accuracy_trend": "improving",
        "tokens_per_sec": 123.0,
        "learning_rate": 5e-4,
        "queue": {"normal": 2, "done": 0},
        "version": "v000003",
        "model_name": "smollm2-135m",
        "active_alerts": [{"code": "x", "message": "look here"}],
        "recent_examples": [
            {"prompt": "p", "golden_answer": "g", "model_answer": "[red]\x1b[2J", "matches": False}
        ],
    } | changes


def shown(value: Any, problem: str | None = None) -> str:
    console = Console(width=120, record=True, quiet=False, file=None, force_terminal=False)
    with console.capture() as capture:
        console.print(page("/w", value, problem))
    return capture.get()


def test_the_page_names_step_loss_file_accuracy_queue_and_alerts() -> None:
    text = shown(document())
    for part in (
        "training",
        "30 of 120",
        "1 min 35 s left",
        "x.jsonl",
        "0.5000",
        "40 % recently",
        "2 normal",
        "v000003",
        "look here",
    ):
        assert part in text


def test_the_page_tells_the_accuracy_of_the_latest_answers_and_where_it_goes() -> None:
    text = shown(document(accuracy_last_20=45.0, accuracy_last_50=40.0))
    assert "45 % of the last 20, 40 % of the last 50" in text and "improving" in text


MEASURED = {
    "source": "evaluation",
    "run": "r000001",
    "version": None,
    "step": 120,
    "step_in_run": 20,
    "right": 3,
    "items": 4,
    "percent": 75.0,
    "loss": 0.6,
}


def test_the_newest_measurement_is_shown_with_its_step() -> None:
    """Only means over evaluations of all steps were shown, as if they were of now."""
    text = shown(document(newest_measurement=MEASURED, validation_step=120))
    assert "75 % right (3 of 4) at step 120" in text
    assert "validation 0.6000 at step 120" in text and "40 % recently" in text
    judged = {**MEASURED, "source": "judgement", "items": None}
    assert "75 % right at step 120, when it was judged" in shown(
        document(newest_measurement=judged)
    )
    unknown = document(newest_measurement=None, run="r000001")
    assert "nothing yet in this run" in shown(unknown)


def test_a_followed_run_tells_the_newest_measurement_by_the_steps_of_the_run() -> None:
    """The demo showed 0 % right at step 47, measured at step 20."""
    about = document(newest_measurement=MEASURED, batch_step=47, batch_total_steps=60)
    assert "step 47 of 60, loss 0.500, 75 % right (3 of 4) at step 20, " in _facts(about)
    assert "right" not in _facts(about | {"newest_measurement": None})


@pytest.mark.parametrize(
    ("of", "words"),
    [
        (
            {"run": "r000004", "version": None, "verdict": None, "files": ["b.jsonl"]},
            "0.5000, validation 0.6000; of r000004, in training, on b.jsonl",
        ),
        (
            {"run": "r000003", "version": "v000003", "verdict": "refuse", "files": ["a", "b", "c"]},
            "; of v000003 (refused, in use by hand), on a, b and 1 more",
        ),
        (
            {"run": None, "version": "v000000", "verdict": "base", "files": []},
            "; of v000000 (in use)",
        ),
        (None, "0.5000, validation 0.6000"),
    ],
)
def test_a_loss_says_of_which_run_or_version_it_is(of: dict[str, Any] | None, words: str) -> None:
    assert words in shown(document(loss_of=of))


def test_answers_to_questions_of_several_files_are_said_to_be() -> None:
    assert "of questions of 2 files" in shown(document(accuracy_files=["a", "b"]))
    assert "of questions of" not in shown(document(accuracy_files=["a"]))


def test_what_a_model_says_steers_no_terminal() -> None:
    """Fault S6."""
    text = shown(document())
    assert "\x1b" not in text
    assert "[red]\\u001b[2J" in text


def test_a_document_of_nulls_is_shown() -> None:
    bare = {key: None for key in document()} | {"status": "idle"}
    assert "idle" in shown(bare)
    assert "never run here" in shown(None, "dead")


def test_a_dead_daemon_is_named_with_the_way_to_start_it(
    finetuned: Command, layout: Layout
) -> None:
    """Fault S3."""
    layout.status_file.write_text(json.dumps(document()))
    done = finetuned("status", "--root", layout.root)
    assert done.exit_code == 7
    assert "finetuned run" in done.stdout
    assert "its last status" in done.stdout


@pytest.mark.usefixtures("lock_held")
def test_an_old_heartbeat_is_named(finetuned: Command, layout: Layout) -> None:
    """Fault S3."""
    old = SystemClock().now() - timedelta(minutes=5)
    layout.status_file.write_text(json.dumps(document(heartbeat=old.isoformat())))
    done = finetuned("status", "--root", layout.root)
    assert done.exit_code == 0
    assert "has not responded for" in done.stdout


@pytest.mark.usefixtures("lock_held")
def test_a_living_daemon_has_no_problem(finetuned: Command, layout: Layout) -> None:
    now = SystemClock().now()
    layout.status_file.write_text(json.dumps(document(heartbeat=now.isoformat())))
    done = finetuned("status", "--json", "--root", layout.root)
    facts = json.loads(done.stdout)
    assert done.exit_code == 0
    assert facts["current_step"] == 30
    assert facts["daemon"]["problem"] is None


def test_a_torn_document_is_no_crash(finetuned: Command, layout: Layout) -> None:
    layout.status_file.write_text('{"status": ')
    assert finetuned("status", "--root", layout.root).exit_code == 7


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (75, "1 min 15 s"), (7300, "2 h 1 min")]
)
def test_durations_are_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_the_schema_of_the_document_is_printed_for_readers(finetuned: Command) -> None:
    done = finetuned("status", "--schema")
    assert done.exit_code == 0
    assert "current_step" in json.loads(done.stdout)["required"]


@pytest.mark.usefixtures("lock_held")
def test_a_watched_status_is_shown_anew_until_it_is_left(
    finetuned: Command, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout.status_file.write_text(json.dumps(document(current_step=30)))
    steps = iter([31, 32])

    def wait(_: SystemClock, seconds: float) -> None:
        step = next(steps, None)
        if step is None:
            raise KeyboardInterrupt
        layout.status_file.write_text(json.dumps(document(current_step=step)))

    monkeypatch.setattr("daemon.cli.commands.status.SystemClock.sleep_s", wait)
    done = finetuned("status", "--watch", "--root", layout.root)
    assert done.exit_code == 0
    assert [f"{step} of 120" in done.stdout for step in (30, 31, 32)] == [True] * 3
    steps = iter([31])
    done = finetuned("status", "--watch", "--json", "--root", layout.root)
    assert [json.loads(line)["current_step"] for line in done.stdout.splitlines()] == [32, 31]


@pytest.mark.usefixtures("lock_held")
def test_a_workspace_that_is_removed_is_watched_no_longer(
    finetuned: Command, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = iter([1])

    def wait(_: SystemClock, seconds: float) -> None:
        next(looks)
        layout.root.rename(layout.root.with_name("elsewhere"))

    monkeypatch.setattr("daemon.cli.commands.status.SystemClock.sleep_s", wait)
    done = finetuned("status", "--watch", "--root", layout.root)
    assert done.exit_code == 2 and "is not a workspace" in done.stderr


def test_a_low_and_narrow_terminal_shows_alerts_and_each_sample_on_one_line() -> None:
    sample = {"golden_answer": "Mars", "model_answer": "Venus", "matches": False}
    samples = [{"prompt": f"{number} " + "long words " * 9, **sample} for number in range(3)]
    console = Console(width=40, force_terminal=False)
    with console.capture() as capture:
        console.print(page("/w", document(recent_examples=samples), None))
    lines = capture.get().splitlines()
    assert len(lines) <= 20 and max(map(len, lines)) <= 40
    assert [line.split()[-2:] for line in lines[-3:]] == [["Mars", "Venus"]] * 3
    assert any("look here" in line for line in lines[:3])


@pytest.mark.parametrize("golden", ["dim", "lamp_bright"])
def test_where_a_long_answer_differs_is_in_sight(golden: str) -> None:
    begin = '{"name": "HassLightSet", "arguments": {"area": "the office", "effect": "'
    sample = {"prompt": "p", "golden_answer": begin + golden, "model_answer": f"{begin}lamp_off"}
    with (console := Console(width=80)).capture() as captured:
        console.print(page("/w", document(recent_examples=[{**sample, "matches": False}]), None))
    assert golden in captured.get() and "lamp_off" in captured.get()


def _read_until(terminal: int, mark: bytes) -> bytes:
    """Return what a terminal shows until something that is sure to come."""
    seen = b""
    while mark not in seen:
        assert select.select([terminal], [], [], 60)[0], seen
        seen += os.read(terminal, 65536)
    return seen


def test_sigterm_leaves_the_terminal_as_it_was(layout: Layout) -> None:
    mine, its = pty.openpty()
    before = termios.tcgetattr(its)
    command = [sys.executable, "-m", "daemon", "status", "--watch", "--root", str(layout.root)]
    with subprocess.Popen(command, stdin=its, stdout=its, stderr=its) as process:
        seen = _read_until(mine, b"never run here")
        process.terminate()
        assert process.wait(60) == 0
    seen += _read_until(mine, b"\x1b[?25h")
    assert termios.tcgetattr(its) == before
    for given, back in ((b"\x1b[?1049h", b"\x1b[?1049l"), (b"\x1b[?25l", b"\x1b[?25h")):
        assert seen.count(given) == seen.count(back) == 1
    os.close(mine)
    os.close(its)


@pytest.mark.parametrize("command", [("status", "--watch"), ("logs", "-f")])
def test_watching_ends_when_its_reader_has_left(layout: Layout, command: tuple[str, ...]) -> None:
    """As `| head` does: nothing is written to the log any more, so no write can find out."""
    layout.logs.mkdir(exist_ok=True)
    layout.log_file.write_text('{"event": "one"}\n')
    line = [sys.executable, "-m", "daemon", *command, "--root", str(layout.root)]
    with subprocess.Popen(line, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline()
        process.stdout.close()
        assert process.wait(60) == 0
