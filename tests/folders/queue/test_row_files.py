"""Whether a job's files are as intake left them (fault Q9)."""

import os
from pathlib import Path

import pytest

from daemon.folders.queue.row_files import UNKNOWN, rows_differ, seal_of
from daemon.layout_jobs import JobLayout

NAMES = ("original.jsonl", "train.jsonl", "holdout.jsonl")


@pytest.fixture
def place(tmp_path: Path) -> JobLayout:
    for name in NAMES:
        (tmp_path / name).write_text("a row\n")
        os.utime(tmp_path / name, (1, 1))
    return JobLayout(tmp_path)


def test_reading_and_moving_change_nothing(place: JobLayout, tmp_path: Path) -> None:
    before = seal_of(place)
    place.train.read_bytes()
    moved = place.folder.rename(tmp_path.with_name("elsewhere"))
    assert seal_of(JobLayout(moved)) == before


@pytest.mark.parametrize("name", NAMES)
def test_an_edit_a_removal_and_a_replacement_are_seen(place: JobLayout, name: str) -> None:
    path = place.folder / name
    seals = {seal_of(place)}
    path.write_text("a Row\n")
    seals.add(seal_of(place))
    path.write_text("another row\n")
    os.utime(path, (1, 1))
    seals.add(seal_of(place))
    path.unlink()
    seals.add(seal_of(place))
    assert len(seals) == 4


def test_of_a_job_in_training_only_the_rows_count_and_no_times(place: JobLayout) -> None:
    """A workspace may have come out of an archive with its run in progress."""
    seal = seal_of(place)
    place.original.write_text("a row\nand what a program still wrote\n")
    os.utime(place.train, (2_000_000_000, 2_000_000_000))
    assert not rows_differ(seal, place)
    place.train.write_text("a row, and more\n")
    assert rows_differ(seal, place)
    place.train.write_text("a row\n")
    place.holdout.unlink()
    assert rows_differ(seal, place) and not rows_differ(UNKNOWN, place)
