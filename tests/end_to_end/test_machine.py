"""What the machine does to a daemon: no room for its files, its folders gone, its files edited."""

import shutil
import stat
from pathlib import Path

import psutil
import pytest

from daemon.errors import ExitCode
from tests.end_to_end.workspace import Workspace, chats

SETTINGS = "[inbox]\nsettle_s = 0.05\n[checkpoint]\nsteps = 2\n[training]\nepochs = 20\n"
THEIRS = ("original.jsonl", "console.txt")
"""Files of whoever drops and starts, with the modes they gave them."""


def queued_while_paused(space: Workspace) -> str:
    """Start a paused daemon on a file; return its job once it waits for a run."""
    space.touch("pause")
    space.drop("a.jsonl", chats(20))
    space.start()
    [job] = space.wait("a queued job", lambda: space.jobs("normal"))
    return str(job)


@pytest.mark.linux("the limits of another process")
def test_a_limit_on_the_size_of_files_is_no_room_and_no_crash(tmp_path: Path) -> None:
    """Faults D1, D8, T3: EFBIG, with a real limit; and whose files they are.

    An evaluation notes in `models/machine.json` how many answers are in the making: where that
    found no room the trainer ended, and began anew from its last commit.
    """
    with Workspace(tmp_path / "w", settings=SETTINGS) as space:
        space.drop("a.jsonl", chats(60))
        space.start()
        space.wait_for_number("committed", 1)
        [trainer] = space.trainers()
        trainer.rlimit(psutil.RLIMIT_FSIZE, (1, psutil.RLIM_INFINITY))
        space.wait("an alert", lambda: space.told("alert", code="disk_full"))
        commits = len(space.told("committed"))
        evaluations = len(space.told("evaluated"))
        space.wait("an evaluation", lambda: len(space.told("evaluated")) > evaluations)
        assert len(space.told("committed")) == commits
        trainer.rlimit(psutil.RLIMIT_FSIZE, (psutil.RLIM_INFINITY, psutil.RLIM_INFINITY))
        space.wait("a done job", lambda: space.jobs("done"))
        assert not space.told("died") and len(space.told("run_begun")) == 1
        assert not readable_by_others(space)


def readable_by_others(space: Workspace) -> list[str]:
    """Return what somebody else may read of what the daemon has made."""
    made = (space.layout.queue, space.layout.models, space.layout.status, space.layout.logs)
    return [
        str(path)
        for folder in made
        for path in (folder, *folder.rglob("*"))
        if path.name not in THEIRS and _mode(path) & (stat.S_IRWXG | stat.S_IRWXO)
    ]


def _mode(path: Path) -> int:
    """Return who may do what; nobody anything with a link, or with what has gone meanwhile."""
    try:
        found = path.lstat().st_mode
    except FileNotFoundError:
        return 0
    return 0 if stat.S_ISLNK(found) else stat.S_IMODE(found)


def test_a_workspace_that_is_removed_ends_its_daemon_with_one_sentence(tmp_path: Path) -> None:
    """Fault D2."""
    with Workspace(tmp_path / "w", settings=SETTINGS) as space:
        space.drop("a.jsonl", chats(60))
        space.start()
        space.wait("steps", lambda: space.metrics())
        console = (space.root / "console.txt").rename(tmp_path / "console.txt")
        space.root.rename(tmp_path / "moved")
        shutil.copytree(tmp_path / "moved" / "inbox", space.root / "inbox")
        (space.root / "console.txt").touch()
        assert space.wait_for_exit() == ExitCode.DISK_BROKEN
        said = console.read_text()
        assert "was removed, moved or replaced" in said and "Traceback" not in said
        assert not space.layout.queue.exists()


def test_a_queued_file_that_is_edited_by_hand_is_read_again(tmp_path: Path) -> None:
    """Fault Q9."""
    with Workspace(tmp_path / "w", settings=SETTINGS) as space:
        job = queued_while_paused(space)
        place = space.layout.job("normal", job)
        rows = place.original.read_bytes().splitlines(keepends=True)
        place.original.write_bytes(b"".join(rows[:10]))
        (space.layout.control / "pause").unlink()
        space.wait("a done job", lambda: space.jobs("done"))
        [told] = space.told("intake_again", job=job)
        assert "edited" in told["message"]
        counts = space.report("done")["rows"]
        # Its families keep the sides that the first reading gave them.
        assert counts["read"] == counts["train"] + counts["holdout"] == 10
        assert space.manifest(space.current())["rows_by_job"][job] == counts["train"]


def test_rows_that_are_edited_while_they_are_trained_are_read_again(tmp_path: Path) -> None:
    """Fault Q9: whoever is quicker, the look at the files or the trainer that cannot read them."""
    with Workspace(tmp_path / "w", settings=SETTINGS) as space:
        space.drop("a.jsonl", chats(60))
        space.start()
        space.wait_for_number("committed", 2)
        [job] = space.jobs("running")
        train = space.layout.job("running", job).train
        rows = train.read_bytes().splitlines(keepends=True)
        train.write_bytes(b"".join(rows[:10]))
        space.wait("a done job", lambda: space.jobs("done"))
        [told] = space.told("intake_again", job=job)
        assert "edited" in told["message"]
        assert [event["run"] for event in space.told("run_opened")] == ["r000001", "r000002"]
        assert space.manifest(space.current())["rows_by_job"][job] == len(rows)


def test_a_dropped_file_that_was_removed_from_its_job_is_told(tmp_path: Path) -> None:
    """Fault Q3."""
    with Workspace(tmp_path / "w", settings=SETTINGS) as space:
        job = queued_while_paused(space)
        space.layout.job("normal", job).original.unlink()
        (space.layout.control / "pause").unlink()
        # Told once it is durable: the folder is there a moment earlier.
        space.wait("a failed job", lambda: space.told("job_ended", job=job))
        [told] = space.told("job_ended", job=job)
        assert space.jobs("failed") == [job]
        assert "original.jsonl was removed by hand" in told["message"] and not space.told("died")
