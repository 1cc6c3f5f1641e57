"""What is written to a file after it was taken in, without any daemon."""

from dataclasses import replace
from pathlib import Path

import pytest

from daemon.core.decisions.snapshot import Growth
from daemon.core.workspace.jobs import Intake, JobCard
from daemon.folders.disk.file_state import FileState, tail_of
from daemon.folders.inbox.late_writes import PIECE, LateWrites, StillWritten, copy_to, name_of
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
    return late.scan([("done", job)])


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
    assert late.scan([("done", card())]) == ()
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


OTHER = b'[{"a": 1}]'


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """The file of a job that is done, of another kind than lines."""
    place = Layout(tmp_path).job("done", "000007-chat")
    place.folder.mkdir(parents=True)
    place.named_as("main", "chat.json").write_bytes(OTHER)
    return place.original


def other_card(path: Path, name: str = "chat.json") -> JobCard:
    read_as = str(FileState.of(path))
    intake = Intake("accepted", "", "", 1, 0, "", "", read_as=read_as)
    return replace(card(), name=name, intake=intake)


def test_a_file_of_another_kind_that_is_written_over_is_told_as_a_whole(
    late: LateWrites, clock: StillClock, other: Path, tmp_path: Path
) -> None:
    """Fault: what was written late to an array or a table was told in the docs alone, and lost."""
    job = other_card(other)
    assert seen(late, clock, job, 1.0) == () and late.settling == 0
    for text in (b'[{"a": 1}, {"b', OTHER[:-1] + b', {"b": 2}]'):
        other.write_bytes(text)
        assert seen(late, clock, job, 1.0) == () and late.settling == 1
        assert (seen(late, clock, job, 1.0) == ()) is not text.endswith(b"]"), "half an array waits"
    (growth,) = seen(late, clock, job, 1.0)
    assert growth.is_whole and (growth.begin, growth.end) == (0, len(other.read_bytes()))
    assert name_of(growth).startswith("000007-chat-rewritten-")
    assert name_of(growth).endswith(".json")
    copy_to(other, growth, tmp_path / "copy.json")
    assert (tmp_path / "copy.json").read_bytes() == other.read_bytes()
    passed = replace(job, passed_as=growth.found_as)
    assert seen(late, clock, passed, 1.0) == () and late.settling == 0


def test_half_a_file_is_told_after_a_long_wait(
    late: LateWrites, clock: StillClock, other: Path
) -> None:
    job = other_card(other)
    other.write_bytes(b'[{"a": 1}, {"b')
    assert seen(late, clock, job, 1.0) == () == seen(late, clock, job, 29.0)
    assert len(seen(late, clock, job, 1.0)) == 1


def test_a_file_that_goes_on_being_written_is_not_copied_half(
    late: LateWrites, clock: StillClock, other: Path, tmp_path: Path
) -> None:
    job = other_card(other)
    other.write_bytes(b'[{"a": 1}, {"b": 2}]')
    seen(late, clock, job, 1.0)
    (growth,) = seen(late, clock, job, 1.0)
    other.write_bytes(b'[{"a": 1}, {"b": 2}, {"c": 3}]')
    with pytest.raises(StillWritten):
        copy_to(other, growth, tmp_path / "copy.json")
    other.unlink()
    with pytest.raises(StillWritten):
        copy_to(other, growth, tmp_path / "copy.json")


def test_in_a_workspace_that_was_copied_nothing_was_written_late(
    late: LateWrites, clock: StillClock, other: Path
) -> None:
    """Its files have other times and are other files; all of them would be trained again."""
    job = other_card(other)
    copied = other.with_name("copied")
    copied.write_bytes(OTHER)
    copied.rename(other)
    assert seen(late, clock, job, 1.0) == () == seen(late, clock, job, 1.0)
    assert late.settling == 0


@pytest.mark.parametrize("text", [b'{"b": 2}\n', b'{"c"}\n', b'{"b": 1, "c": 2}\n{"d": 3}\n'])
def test_lines_that_were_written_over_are_told_as_a_whole(
    late: LateWrites, clock: StillClock, path: Path, text: bytes
) -> None:
    """Shorter, as long or longer: from its old end on stood half a line, or nothing at all."""
    intake = Intake(
        "accepted",
        "",
        "",
        1,
        0,
        "",
        "",
        read_bytes=len(TAKEN),
        read_as=str(FileState.of(path)),
        tail=tail_of(path, len(TAKEN)),
    )
    job = replace(card(), intake=intake)
    path.write_bytes(text)
    seen(late, clock, job, 1.0)
    (growth,) = seen(late, clock, job, 1.0)
    assert growth.is_whole and growth.end == len(text)
    path.write_bytes(TAKEN + b'{"a": 2}\n')
    seen(late, clock, job, 1.0)
    assert seen(late, clock, job, 1.0) == (Growth(job, "done", 9, 18),)
