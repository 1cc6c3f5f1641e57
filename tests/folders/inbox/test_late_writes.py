"""What is written to a file after it was taken in, without any daemon."""

from dataclasses import replace
from pathlib import Path

import pytest

from daemon.core.decisions.snapshot import Growth
from daemon.core.workspace.jobs import Intake, JobCard
from daemon.folders.inbox.late_writes import PIECE, LateWrites, copy_to, name_of
from daemon.layout import Layout
from daemon.settings_files import InboxSettings
from tests.clocks import StillClock

TAKEN = b'{"a": 1}\n'
SETTINGS = InboxSettings(settle_s=1.0, rescan_s=0.5, unfinished_s=30.0)


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def late(tmp_path: Path, clock: StillClock) -> LateWrites:
    return LateWrites(Layout(tmp_path), SETTINGS, clock)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of a job that is done, of whose bytes all were read."""
    place = Layout(tmp_path).job("done", "000007-chat")
    place.folder.mkdir(parents=True)
    place.original.write_bytes(TAKEN)
    return place.original


def card(read_bytes: int = len(TAKEN)) -> JobCard:
    intake = Intake("accepted", "", "", 1, 0, "", "", read_bytes=read_bytes)
    return JobCard("000007-chat", 7, "normal", "chat.jsonl", "", outcome="trained", intake=intake)


def seen(late: LateWrites, clock: StillClock, job: JobCard, after_s: float) -> tuple[Growth, ...]:
    clock.pass_s(after_s)
    return late.look([("done", job)])


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_new_lines_are_told_once_they_lie_still(
    late: LateWrites, clock: StillClock, path: Path
) -> None:
    """A program that appends to a file for ever loses nothing (fault N2)."""
    assert seen(late, clock, card(), 1.0) == ()
    assert late.settling == 0
    append(path, b'{"a": 2}\n')
    assert seen(late, clock, card(), 1.0) == ()
    assert late.settling == 1
    append(path, b'{"a": 3}\n{"a"')
    assert seen(late, clock, card(), 1.0) == ()
    assert seen(late, clock, card(), 1.0) == (Growth(card(), "done", 9, 27),)
    assert late.look([("done", card())]) == ()
    assert late.settling == 1, "not passed on yet, although nobody looks in between"
    passed = replace(card(), passed_on=27)
    assert seen(late, clock, passed, 1.0) == ()
    assert late.settling == 1
    append(path, b": 4}\n")
    assert seen(late, clock, passed, 1.0) == ()
    assert seen(late, clock, passed, 1.0) == (Growth(passed, "done", 27, 36),)


def test_a_line_that_is_never_ended_is_told_at_last(
    late: LateWrites, clock: StillClock, path: Path
) -> None:
    append(path, b'{"a"')
    assert seen(late, clock, card(), 1.0) == ()
    assert seen(late, clock, card(), 29.0) == ()
    assert seen(late, clock, card(), 1.0) == (Growth(card(), "done", 9, 13),)


def test_a_large_growth_is_told_in_pieces(late: LateWrites, clock: StillClock, path: Path) -> None:
    line = b'{"a": "' + b"x" * 1000 + b'"}\n'
    append(path, line * (PIECE // len(line) + 10))
    seen(late, clock, card(), 1.0)
    (growth,) = seen(late, clock, card(), 1.0)
    assert (growth.end - growth.begin) % len(line) == 0
    assert PIECE - len(line) < growth.end - growth.begin <= PIECE


def test_files_whose_size_was_not_noted_and_pruned_ones_are_left_alone(
    late: LateWrites, clock: StillClock, path: Path
) -> None:
    append(path, TAKEN)
    seen(late, clock, card(0), 1.0)
    assert seen(late, clock, card(0), 5.0) == ()
    path.unlink()
    seen(late, clock, card(), 1.0)
    assert seen(late, clock, card(), 5.0) == ()


def test_the_copy_holds_the_new_bytes_under_a_name_of_its_own(tmp_path: Path, path: Path) -> None:
    append(path, b"new")
    growth = Growth(card(), "done", 9, 12)
    copy_to(path, growth, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"new"
    assert name_of(growth) == "000007-chat-from-9.jsonl"


@pytest.mark.parametrize(
    "letter",
    ["x", pytest.param("\udcff", marks=pytest.mark.linux("APFS refuses names that are no UTF-8"))],
)
def test_the_copy_of_a_long_name_has_a_name_that_the_volume_takes(
    tmp_path: Path, letter: str
) -> None:
    growth = Growth(replace(card(), name=letter * 249 + ".jsonl"), "done", 9, 12)
    (tmp_path / name_of(growth)).write_bytes(b"")
