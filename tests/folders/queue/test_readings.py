"""Which starts of the intake worker count against a file (fault Q5)."""

from pathlib import Path

import pytest

from daemon.folders.queue import readings
from daemon.folders.queue.readings import Readings
from daemon.layout_jobs import JobLayout


@pytest.fixture
def place(tmp_path: Path) -> JobLayout:
    return JobLayout(tmp_path)


def test_a_reading_that_never_ended_counts_and_one_that_was_left_does_not(
    place: JobLayout,
) -> None:
    assert readings.load(place).begun == 0
    readings.begin(place)
    readings.begin(place)
    assert readings.load(place) == Readings(1, open=True)
    readings.leave(place)
    readings.leave(place)
    assert readings.load(place).begun == 1
    readings.begin(place)
    assert readings.load(place).begun == 2


def test_what_has_been_read_leaves_no_note(place: JobLayout) -> None:
    readings.begin(place)
    readings.forget(place)
    readings.forget(place)
    assert not list(place.folder.iterdir())


def test_a_note_that_is_damaged_counts_nothing(place: JobLayout) -> None:
    (place.folder / "reading.json").write_text("[")
    assert readings.load(place).begun == 0
