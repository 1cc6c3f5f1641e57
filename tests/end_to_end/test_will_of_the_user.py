"""Pause, resume, skip, stop, promote, rollback with real processes."""

import os
from pathlib import Path

import pytest

from tests.end_to_end.workspace import Workspace, chats

LONG = "[inbox]\nsettle_s = 0.1\n[training]\nepochs = 400\n[evaluation]\neval_every = 0\n"


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "w", settings=LONG)


def training(space: Workspace) -> bool:
    return len(space.metrics()) > 3


def test_pause_stops_the_steps_survives_a_restart_and_ends_with_resume(space: Workspace) -> None:
    """Fault C1, invariant I7."""
    with space:
        space.drop("a.jsonl", chats(60))
        space.start()
        space.wait("steps", lambda: training(space))
        space.touch("pause")
        space.wait("a paused trainer", lambda: space.told("trainer_paused"))
        steps = len(space.metrics())
        space.kill()
        space.start()
        space.wait("a paused daemon", lambda: space.status()["status"] == "paused")
        space.drop("b.jsonl", chats(5, start=900))
        space.wait("intake goes on", lambda: len(space.jobs("normal")) == 1)
        assert len(space.metrics()) == steps
        space.touch("resume")
        space.wait("more steps", lambda: len(space.metrics()) > steps)
        assert not (space.layout.control / "pause").exists()
        assert space.told("command", command="resume", answer="done")


def test_a_long_pause_gives_the_memory_back_and_changes_nothing(space: Workspace) -> None:
    with space:
        space.layout.settings_file.write_text("[inbox]\nsettle_s = 0.1\n[pause]\nrelease_s = 0.2\n")
        space.drop("a.jsonl", chats(60))
        space.start()
        space.wait("steps", lambda: training(space))
        space.touch("pause")
        space.wait("a dismissed trainer", lambda: space.told("trainer_dismissed"))
        space.wait("no trainer", lambda: space.status()["memory"]["trainer_bytes"] is None)
        steps = {line["step"] for line in space.metrics()}
        space.touch("resume")
        space.wait("a version", lambda: space.current() == "v000001")
        attempts = {(line["attempt"], line["step"]) for line in space.metrics()}
        assert not {step for attempt, step in attempts if attempt == 1} & steps
        assert not space.told("died")


def test_skip_restores_the_state_from_before_the_run(space: Workspace) -> None:
    """Fault C7."""
    with space:
        space.drop("a.jsonl", chats(60))
        space.start()
        space.wait("steps", lambda: training(space))
        space.touch("skip")
        space.wait("a skipped job", lambda: space.jobs("skipped"))
        space.wait("an idle daemon", lambda: space.status()["status"] == "idle")
        assert space.current() == "v000000"
        assert len(space.told("command", command="skip", answer="done")) == 1


def test_stop_commits_is_answered_and_the_run_goes_on_at_the_next_start(space: Workspace) -> None:
    """Fault C8."""
    with space:
        space.drop("a.jsonl", chats(60))
        space.start()
        space.wait("steps", lambda: training(space))
        space.touch("stop")
        assert space.wait_for_exit() == 0
        assert space.told("command", command="stop", answer="done")
        assert space.status()["status"] == "stopped"
        [run] = space.layout.runs.glob("r*")
        assert list((run / "checkpoints").glob("c*"))
        space.start()
        steps = space.metrics()[-1]["step"]
        space.wait("the same run", lambda: space.metrics()[-1]["step"] > steps)
        assert {line["run"] for line in space.metrics()} == {run.name}


def test_sigterm_ends_with_zero_and_a_stale_stop_does_not_fire(space: Workspace) -> None:
    """Faults C4, C8."""
    with space:
        space.start()
        space.wait("an idle daemon", lambda: space.status().get("status") == "idle")
        assert space.terminate() == 0
        space.touch("stop")
        space.start()
        space.wait("an answer", lambda: space.told("command", command="stop", answer="stale"))
        space.wait("an idle daemon", lambda: space.status()["status"] == "idle")


def test_checkpoint_and_unknown_words_are_answered_once(space: Workspace) -> None:
    """Fault C2."""
    with space:
        space.drop("a.jsonl", chats(60))
        space.start()
        space.wait("steps", lambda: training(space))
        space.touch("checkpoint")
        space.wait("an answer", lambda: space.told("command", command="checkpoint", answer="done"))
        space.touch("skpi")
        [answer] = space.wait("an answer", lambda: space.told("command", command="skpi"))
        assert "did you mean 'skip'" in answer["message"]


def test_rollback_and_promote_move_the_link_and_a_file_is_trained_from_there(
    tmp_path: Path,
) -> None:
    """Fault V4."""
    with Workspace(tmp_path / "w") as space:
        for number in (1, 2):
            space.drop(f"{number}.jsonl", chats(30, start=100 * number))
            assert space.drain() == 0
        space.start()
        space.touch("rollback")
        space.wait("the link", lambda: space.current() == "v000001")
        space.touch("promote", "v000002")
        space.wait("the link", lambda: space.current() == "v000002")
        space.touch("rollback", "v000001")
        space.wait("the link", lambda: space.current() == "v000001")
        space.drop("3.jsonl", chats(30, start=900))
        space.wait("a third version", lambda: space.current() == "v000003")
        assert space.manifest("v000003")["parent"] == "v000001"


def test_a_rollback_during_a_run_ends_it_and_sends_its_job_back(space: Workspace) -> None:
    """Fault V4."""
    with space:
        space.drop("a.jsonl", chats(8))
        text = space.layout.settings_file.read_text()
        space.layout.settings_file.write_text(text.replace("400", "1"))
        assert space.drain() == 0
        space.layout.settings_file.write_text(text)
        space.drop("b.jsonl", chats(60, start=100))
        space.start()
        space.wait("steps", lambda: any(line["run"] == "r000002" for line in space.metrics()))
        space.touch("rollback", "v000000")
        space.wait("the link", lambda: space.current() == "v000000")
        space.wait("a new run", lambda: any(line["run"] == "r000003" for line in space.metrics()))
        assert space.told("run_abandoned", run="r000002")


def test_a_stop_is_obeyed_though_a_stale_one_had_its_inode(space: Workspace) -> None:
    """Fault C4: it was called stale as well, and only a signal ended the daemon."""
    with space:
        stop, kept = space.layout.control / "stop", space.layout.control / ".kept"
        stop.touch()
        # As ext4 does it for each next file: the number is free, and is given again.
        os.link(stop, kept)
        space.start()
        space.wait("a stale answer", lambda: space.told("command", command="stop", answer="stale"))
        kept.rename(stop)
        os.utime(stop)
        assert space.wait_for_exit() == 0
        assert space.told("command", command="stop", answer="done")
        assert "finetuned run" in space.status()["message"]
