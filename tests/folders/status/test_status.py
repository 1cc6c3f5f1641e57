"""What lies in `status/`: whole, strict, bounded, and never worth stopping for."""

import json
import shutil
from pathlib import Path

import pytest

from daemon.folders.status.status import StatusFolder
from daemon.layout import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


@pytest.fixture
def status(layout: Layout) -> StatusFolder:
    folder = StatusFolder(layout, 4096, 2)
    folder.make_folders()
    return folder


def test_a_reader_who_has_it_open_never_sees_a_mix(status: StatusFolder, layout: Layout) -> None:
    """Fault S1, invariant I5."""
    status.publish({"seq": 1, "text": "a" * 1000})
    with layout.status_file.open("rb") as reader:
        first = reader.read(10)
        status.publish({"seq": 2, "text": "b"})
        assert json.loads(first + reader.read())["seq"] == 1
    assert json.loads(layout.status_file.read_bytes())["seq"] == 2


def test_numbers_that_are_none_become_null(status: StatusFolder, layout: Layout) -> None:
    """Fault S1."""
    status.publish({"loss": float("nan"), "deep": [{"x": float("-inf")}]})
    assert json.loads(layout.status_file.read_bytes()) == {"loss": None, "deep": [{"x": None}]}


def test_a_folder_in_its_place_stops_nothing_and_is_over_when_it_goes(
    status: StatusFolder, layout: Layout
) -> None:
    """Fault S2."""
    for path in (layout.status_file, layout.events_file):
        path.mkdir()
    status.publish({"seq": 1})
    status.event({"seq": 2})
    assert status.problem is not None
    layout.status_file.rmdir()
    status.publish({"seq": 3})
    assert status.problem is None
    assert json.loads(layout.status_file.read_bytes()) == {"seq": 3}


def test_a_folder_that_was_removed_is_made_again(status: StatusFolder, layout: Layout) -> None:
    """Fault S2."""
    for write in (status.publish, status.event, status.metrics):
        shutil.rmtree(layout.status)
        write({"seq": 1})
        assert status.problem is None
        assert [json.loads(p.read_bytes()) for p in layout.status.iterdir()] == [{"seq": 1}]


def test_lines_stay_whole_when_the_file_is_rotated(status: StatusFolder, layout: Layout) -> None:
    """Fault S4."""
    for number in range(200):
        status.event({"seq": number, "message": "x" * 60})
    parts = [layout.status / f"events.jsonl{end}" for end in (".2", ".1", "")]
    assert all(part.stat().st_size < 4096 + 200 for part in parts)
    assert not (layout.status / "events.jsonl.3").exists()
    told = [json.loads(line)["seq"] for part in parts for line in part.read_bytes().splitlines()]
    assert told == list(range(told[0], 200))


def test_the_reserve_makes_room_to_say_that_there_is_none(
    status: StatusFolder, layout: Layout
) -> None:
    """Faults D1, S2."""
    reserve = layout.status / ".reserve"
    assert reserve.stat().st_size == 2**20
    status.release_reserve()
    assert not reserve.exists()
    status.reserve()
    assert reserve.stat().st_size == 2**20


def test_the_newest_seq_is_that_of_the_last_whole_event(layout: Layout) -> None:
    folder = StatusFolder(layout, 10**6, 1)
    folder.make_folders()
    assert folder.newest_seq() == 0
    for seq in (5_000_000_001, 5_000_000_002):
        folder.event({"seq": seq})
    with layout.events_file.open("ab") as file:
        file.write(b'{"seq": 9')
    assert folder.newest_seq() == 5_000_000_002
    layout.events_file.rename(layout.events_file.with_name("events.jsonl.1"))
    assert folder.newest_seq() == 5_000_000_002
    layout.events_file.write_bytes(b"garbage\n")
    assert folder.newest_seq() == 5_000_000_002
