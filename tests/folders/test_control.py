"""How control files are accepted (docs/protocol.md)."""

import os
from pathlib import Path

import pytest

from daemon.folders.control import LARGEST, Control, write_request
from daemon.folders.disk import atomic
from daemon.layout import Layout
from tests.clocks import StillClock


def keep_inode(path: Path) -> Path:
    """Keep the inode of a file that is about to go, by another name."""
    kept = path.with_name(".kept")
    os.link(path, kept)
    return kept


def give_inode(kept: Path, path: Path) -> None:
    """Touch a file that is given a kept inode, as ext4 gives that of the last one to the next."""
    kept.rename(path)
    os.utime(path)


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
    assert control.scan().paused and control.scan().paused
    again = Control(layout, StillClock())
    again.make_folders()
    assert again.scan().paused


def test_a_request_is_journalled_and_consumed_by_one_rename(
    control: Control, layout: Layout
) -> None:
    """A crash after this instant finds the accepted request (fault C3)."""
    request = write_request(layout, "skip")
    [command] = control.scan().commands
    assert (command.word, command.request) == ("skip", request)
    assert not (layout.control / "skip").exists()
    again = Control(layout, StillClock())
    again.make_folders()
    assert [c.word for c in again.scan().commands] == ["skip"]
    again.forget(command)
    assert again.scan().commands == ()


def test_requests_about_another_time_are_stale_and_decisions_are_not(layout: Layout) -> None:
    """Fault C4."""
    layout.control.mkdir()
    for word in ("stop", "skip", "checkpoint", "evaluate", "promote", "rollback", "retry"):
        (layout.control / word).write_text("v000001\n")
    control = Control(layout, StillClock())
    control.make_folders()
    found = {command.word: command.from_before for command in control.scan().commands}
    assert found == {
        "stop": True,
        "skip": True,
        "checkpoint": True,
        "evaluate": True,
        "promote": False,
        "rollback": False,
        "retry": False,
    }


@pytest.mark.parametrize("word", ["stop", "skip", "checkpoint", "evaluate"])
def test_a_request_after_a_stale_one_is_new_whatever_its_inode(layout: Layout, word: str) -> None:
    """A later `touch control/stop` was answered stale because the inode came again."""
    layout.control.mkdir()
    path = layout.control / word
    path.touch()
    kept = keep_inode(path)
    control = Control(layout, StillClock())
    control.make_folders()
    control.scan()
    control._clock.sleep_s(2.0)
    [stale] = control.scan().commands
    assert stale.from_before
    control.forget(stale)
    give_inode(kept, path)
    control._clock.sleep_s(2.0)
    control.scan()
    control._clock.sleep_s(2.0)
    [fresh] = control.scan().commands
    assert (fresh.word, fresh.from_before, path.exists()) == (word, False, False)


def test_a_stale_request_that_was_taken_stays_stale_over_a_crash(layout: Layout) -> None:
    """The name it is accepted under says so (fault C4)."""
    layout.control.mkdir()
    (layout.control / "skip").touch()
    Control(layout, StillClock()).make_folders()
    again = Control(layout, StillClock())
    again.make_folders()
    [command] = again.scan().commands
    assert command.from_before


def test_a_request_that_an_earlier_version_accepted_is_carried_out(
    control: Control, layout: Layout
) -> None:
    (layout.accepted_commands / "77-new-promote").write_text("v000002\n")
    [command] = control.scan().commands
    assert (command.inode, command.word, command.content) == (77, "promote", "v000002\n")
    control.forget(command)
    assert control.scan().commands == ()


def test_two_requests_with_one_inode_are_told_apart_by_when_they_were_written(
    control: Control, layout: Layout
) -> None:
    """A command took the answer to an earlier request of the same inode for its own."""
    first = write_request(layout, "skip")
    kept = keep_inode(layout.control / "skip")
    [command] = control.scan().commands
    control.forget(command)
    give_inode(kept, layout.control / "skip")
    control._clock.sleep_s(2.0)
    control.scan()
    control._clock.sleep_s(2.0)
    [later] = control.scan().commands
    assert later.inode == first.inode and later.request != first
    assert later.token != command.token


def test_content_is_read_when_its_line_ends_or_after_a_second(layout: Layout) -> None:
    clock = StillClock()
    control = Control(layout, clock)
    control.make_folders()
    (layout.control / "promote").write_text("v0000")
    assert control.scan().commands == ()
    clock.pass_s(1.0)
    assert [c.content for c in control.scan().commands] == ["v0000"]
    (layout.control / "rollback").write_text("v000002\n")
    assert [c.content for c in control.scan().commands if c.word == "rollback"] == ["v000002\n"]


def test_folders_links_and_pipes_count_by_their_name_and_are_never_read(
    control: Control, layout: Layout
) -> None:
    """Fault C5."""
    (layout.control / "skip").mkdir()
    (layout.control / "promote").symlink_to("/etc/hostname")
    os.mkfifo(layout.control / "retry")
    found = {command.word: command.content for command in control.scan().commands}
    assert found == {"skip": "", "promote": "", "retry": ""}


def test_what_cannot_be_taken_away_is_acted_on_once(
    control: Control, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while it still lies there (fault C5)."""
    (layout.control / "checkpoint").touch()

    def stays(*_: object) -> None:
        raise PermissionError(13, "permission denied")

    monkeypatch.setattr(atomic, "move", stays)
    [command] = control.scan().commands
    assert control.scan().commands == (command,)
    control.forget(command)
    assert control.scan().commands == () and (layout.control / "checkpoint").exists()


def test_what_cannot_be_taken_away_is_a_new_request_when_it_is_touched_or_made_again(
    control: Control, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was known by its inode, so each later one that was given the number was ignored."""
    path = layout.control / "checkpoint"
    path.touch()

    def stays(*_: object) -> None:
        raise PermissionError(13, "permission denied")

    monkeypatch.setattr(atomic, "move", stays)
    [first] = control.scan().commands
    control.forget(first)
    assert control.scan().commands == ()
    os.utime(path)
    [second] = control.scan().commands
    control.forget(second)
    assert second.token != first.token and control.scan().commands == ()
    give_inode(path, layout.control / "evaluate")
    assert [command.word for command in control.scan().commands] == ["evaluate"]


def test_of_a_huge_file_little_is_read(control: Control, layout: Layout) -> None:
    """Fault C5."""
    with (layout.control / "promote").open("wb") as file:
        file.truncate(2**30)
        file.seek(0)
        file.write(b"v000001\n")
        file.seek(0, os.SEEK_END)
        file.write(b"\n")
    control.scan()
    control._clock.sleep_s(2.0)
    [command] = control.scan().commands
    assert len(command.content) == LARGEST


def test_many_touches_are_one_request(control: Control, layout: Layout) -> None:
    """Fault C6."""
    for _ in range(1000):
        (layout.control / "checkpoint").touch()
    assert len(control.scan().commands) == 1


def test_resume_leaves_a_pause_that_is_newer(control: Control, layout: Layout) -> None:
    """Fault C2."""
    pause = layout.control / "pause"
    pause.touch()
    when = pause.stat().st_mtime_ns
    assert not control.end_pause(when - 1)
    assert pause.exists()
    assert control.end_pause(when)
    assert not pause.exists()
