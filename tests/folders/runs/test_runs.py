"""The checkpoints of a run, and the memory ladder beside `run.json`."""

import errno
import os
from pathlib import Path

import pytest

from daemon.core.training.fallback import Fallback
from daemon.errors import RunFault
from daemon.folders.runs import runs
from daemon.layout import Layout
from daemon.layout_jobs import RunLayout


@pytest.fixture
def place(tmp_path: Path) -> RunLayout:
    found = Layout(tmp_path).run("r000001")
    found.folder.mkdir(parents=True)
    return found


def test_rungs_are_read_in_the_order_in_which_they_were_appended(place: RunLayout) -> None:
    assert runs.read_fallbacks(place) == []
    first, second = Fallback(4, 1024, why="a"), Fallback(4, 512, True, 256, why="b")
    runs.append_fallback(place, first)
    runs.append_fallback(place, second)
    assert runs.read_fallbacks(place) == [first, second]


def test_a_run_that_is_frozen_anew_begins_without_the_rungs_of_the_old_one(
    place: RunLayout,
) -> None:
    runs.append_fallback(place, Fallback(4, 1024))
    runs.freeze(place, {"steps": 3})
    assert runs.read_fallbacks(place) == []


@pytest.mark.parametrize(
    "damage", [b"", b"[]", b'{"rungs": 3}', b'{"rungs": [{"at": 1}]}', b"\xff"]
)
def test_a_damaged_ladder_is_never_taken_for_none_and_never_written_over(
    place: RunLayout, damage: bytes
) -> None:
    """Fault T5."""
    place.ladder.write_bytes(damage)
    with pytest.raises(RunFault, match=r"ladder\.json"):
        runs.read_fallbacks(place)
    with pytest.raises(RunFault):
        runs.append_fallback(place, Fallback(0, 64))
    assert place.ladder.read_bytes() == damage


def test_a_crash_while_a_rung_is_appended_leaves_those_before(
    place: RunLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs.append_fallback(place, Fallback(0, 512))

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("daemon.folders.disk.atomic.os.replace", crash)
    with pytest.raises(KeyboardInterrupt):
        runs.append_fallback(place, Fallback(3, 256))
    assert runs.read_fallbacks(place) == [Fallback(0, 512)]


def commit(place: RunLayout, step: int, text: str) -> Path:
    runs.commit(place, step, lambda folder: write(folder / "state.json", text), keep=3)
    return place.checkpoints / f"c{step:08d}"


def write(path: Path, text: str) -> None:
    path.write_text(text)


def test_the_newest_checkpoint_is_that_of_the_highest_step_whatever_the_clock_said(
    place: RunLayout,
) -> None:
    """Fault T13."""
    first, last = commit(place, 9, "nine"), commit(place, 10, "ten")
    for age, folder in enumerate((last, first)):
        for path in (*folder.iterdir(), folder):
            os.utime(path, (age, age))
    assert runs.newest_checkpoint(place) == (last, [])


def test_a_step_that_was_committed_is_not_committed_again(place: RunLayout) -> None:
    """Fault T19."""
    commit(place, 4, "four")
    folder = commit(place, 4, "other")
    assert (folder / "state.json").read_text() == "four"
    assert runs.verify(folder) is None


@pytest.mark.parametrize("damage", ["flipped", "shorter", "longer", "gone", "no manifest"])
def test_a_damaged_checkpoint_is_told_put_aside_and_the_one_before_it_used(
    place: RunLayout, damage: str
) -> None:
    """Also one without its cursor (faults T2, T5, T7)."""
    before, broken = commit(place, 1, "one"), commit(place, 2, "two")
    path = broken / ("manifest.json" if damage == "no manifest" else "state.json")
    changed = {"flipped": "twp", "shorter": "tw", "longer": "two "}
    path.unlink()
    if damage in changed:
        path.write_text(changed[damage])
    found, problems = runs.newest_checkpoint(place)
    assert found == before and len(problems) == 1 and broken.name in problems[0]
    assert (place.checkpoints / f"broken-{broken.name}").is_dir()
    commit(place, 2, "two")
    assert runs.newest_checkpoint(place) == (broken, [])


def test_half_a_checkpoint_is_never_taken_for_one(place: RunLayout) -> None:
    """Fault T1."""
    kept = commit(place, 1, "one")

    def dies(folder: Path) -> None:
        write(folder / "state.json", "half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        runs.commit(place, 2, dies, keep=3)
    (place.checkpoints / ".tmp-77-c00000002").mkdir()
    assert runs.newest_checkpoint(place) == (kept, [])
    assert [path.name for path in place.checkpoints.iterdir()] == [kept.name]


def test_a_sync_that_fails_is_not_tried_again_and_the_commit_is_none(
    place: RunLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the disk kept of the bytes is not known then (fault T4)."""
    kept, tries = commit(place, 1, "one"), []

    def fails(descriptor: int) -> None:
        tries.append(descriptor)
        raise OSError(errno.EIO, "input/output error")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="input/output"):
        commit(place, 2, "two")
    assert len(tries) == 1
    monkeypatch.undo()
    assert runs.newest_checkpoint(place) == (kept, [])
