"""How control files are accepted (docs/protocol.md)."""

import os
from pathlib import Path

import pytest

from daemon.folders import atomic
from daemon.folders.control import LARGEST, Control, write_request
from daemon.layout import Layout
from tests.clocks import StillClock


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


@pytest.fixture
def control(layout: Layout) -> Control:
    folder = Control(layout, StillClock())
    folder.make_folders()
    return folder


def test_pause_is_a_state_that_stays(control: Control, layout: Layout) -> None:
    """Fault C1, invariant I7."""
    (layout.control / "pause").touch()
    assert control.look().paused and control.look().paused
    again = Control(layout, StillClock())
    again.make_folders()
    assert again.look().paused


def test_a_request_is_journalled_and_consumed_by_one_rename(
    control: Control, layout: Layout
) -> None:
    """A crash after this instant finds the accepted request (fault C3)."""
    inode = write_request(layout, "skip")
    [command] = control.look().commands
    assert (command.word, command.inode) == ("skip", inode)
    assert not (layout.control / "skip").exists()
    again = Control(layout, StillClock())
    again.make_folders()
    assert [c.word for c in again.look().commands] == ["skip"]
    again.answered(command)
    assert again.look().commands == ()


def test_requests_about_another_time_are_stale_and_decisions_are_not(layout: Layout) -> None:
    """Fault C4."""
    layout.control.mkdir()
    for word in ("stop", "skip", "checkpoint", "evaluate", "promote", "rollback", "retry"):
        (layout.control / word).write_text("v000001\n")
    control = Control(layout, StillClock())
    control.make_folders()
    found = {command.word: command.from_before for command in control.look().commands}
    assert found == {
        "stop": True, "skip": True, "checkpoint": True, "evaluate": True,
        "promote": False, "rollback": False, "retry": False,
    }  # fmt: skip


def test_content_is_read_when_its_line_ends_or_after_a_second(layout: Layout) -> None:
    clock = StillClock()
    control = Control(layout, clock)
    control.make_folders()
    (layout.control / "promote").write_text("v0000")
    assert control.look().commands == ()
    clock.pass_s(1.0)
    assert [c.content for c in control.look().commands] == ["v0000"]
    (layout.control / "rollback").write_text("v000002\n")
    assert [c.content for c in control.look().commands if c.word == "rollback"] == ["v000002\n"]


def test_folders_links_and_pipes_count_by_their_name_and_are_never_read(
    control: Control, layout: Layout
) -> None:
    """Fault C5."""
    (layout.control / "skip").mkdir()
    (layout.control / "promote").symlink_to("/etc/hostname")
    os.mkfifo(layout.control / "retry")
    found = {command.word: command.content for command in control.look().commands}
    assert found == {"skip": "", "promote": "", "retry": ""}


def test_what_cannot_be_taken_away_is_acted_on_once(
    control: Control, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while it still lies there (fault C5)."""
    (layout.control / "checkpoint").touch()

    def stays(*_: object) -> None:
        raise PermissionError(13, "permission denied")

    monkeypatch.setattr(atomic, "move", stays)
    [command] = control.look().commands
    assert control.look().commands == (command,)
    control.answered(command)
    assert control.look().commands == () and (layout.control / "checkpoint").exists()


def test_of_a_huge_file_little_is_read(control: Control, layout: Layout) -> None:
    """Fault C5."""
    with (layout.control / "promote").open("wb") as file:
        file.truncate(2**30)
        file.seek(0)
        file.write(b"v000001\n")
        file.seek(0, os.SEEK_END)
        file.write(b"\n")
    control.look()
    control._clock.sleep_s(2.0)
    [command] = control.look().commands
    assert len(command.content) == LARGEST


def test_many_touches_are_one_request(control: Control, layout: Layout) -> None:
    """Fault C6."""
    for _ in range(1000):
        (layout.control / "checkpoint").touch()
    assert len(control.look().commands) == 1


def test_resume_leaves_a_pause_that_is_newer(control: Control, layout: Layout) -> None:
    """Fault C2."""
    pause = layout.control / "pause"
    pause.touch()
    when = pause.stat().st_mtime_ns
    assert not control.end_pause(when - 1)
    assert pause.exists()
    assert control.end_pause(when)
    assert not pause.exists()
