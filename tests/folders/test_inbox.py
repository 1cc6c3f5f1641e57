"""What is taken from `inbox/` and what stays (faults N1, N3 to N6, N10 to N12, N17, N19, N21)."""

import os
import socket
from pathlib import Path

import pytest

from daemon.core.snapshot import Drop
from daemon.folders.inbox import Inbox
from daemon.layout import JobLayout, Layout
from daemon.settings import InboxSettings
from tests.clocks import StillClock


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


@pytest.fixture
def inbox(layout: Layout, clock: StillClock) -> Inbox:
    box = Inbox(layout, InboxSettings(settle_s=1.0), clock)
    box.make_folders()
    return box


def names(inbox: Inbox) -> list[str]:
    return [drop.name for drop in inbox.look().drops]


def settle(inbox: Inbox, clock: StillClock) -> list[str]:
    inbox.look()
    clock.pass_s(1.0)
    return names(inbox)


def test_a_file_is_taken_only_after_it_lay_unchanged(
    inbox: Inbox, layout: Layout, clock: StillClock
) -> None:
    """N1: a file written in pieces is never taken short."""
    path = layout.inbox / "a.jsonl"
    path.write_text("1")
    assert names(inbox) == []
    for piece in range(5):
        clock.pass_s(0.9)
        with path.open("a") as file:
            file.write(str(piece))
        assert names(inbox) == []
    clock.pass_s(1.0)
    assert names(inbox) == ["a.jsonl"]


def test_a_file_replaced_by_another_settles_anew(
    inbox: Inbox, layout: Layout, clock: StillClock
) -> None:
    """N3, N6: the inode tells one file from the next under the same name."""
    path = layout.inbox / "a.jsonl"
    path.write_text("one")
    inbox.look()
    clock.pass_s(0.9)
    other = layout.inbox / ".hidden"
    other.write_text("two")
    other.rename(path)
    assert names(inbox) == []
    clock.pass_s(0.9)
    assert names(inbox) == []


@pytest.mark.parametrize(
    "name",
    [".x", "x~", ".x.swp", "x.part", "x.crdownload", "x.tmp", "._x", ".DS_Store", "x.icloud"],
)
def test_temporary_names_are_neither_work_nor_left_over(
    inbox: Inbox, layout: Layout, clock: StillClock, name: str
) -> None:
    """N4."""
    (layout.inbox / name).write_text("{}")
    settle(inbox, clock)
    view = inbox.look()
    assert (view.drops, view.settling, view.leftovers) == ((), 0, ())


def test_links_pipes_sockets_and_folders_stay_and_are_reported(
    inbox: Inbox, layout: Layout, clock: StillClock, tmp_path: Path
) -> None:
    """N11, N12, N21: nothing is followed, nothing blocks."""
    secret = tmp_path / "secret"
    secret.write_text("{}")
    (layout.inbox / "link.jsonl").symlink_to(secret)
    (layout.inbox / "loop.jsonl").symlink_to("loop.jsonl")
    os.mkfifo(layout.inbox / "pipe.jsonl")
    (layout.inbox / "folder.jsonl").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(layout.inbox / "s.jsonl"))
        assert settle(inbox, clock) == []
        left = {item.name for item in inbox.look().leftovers}
    assert left == {"link.jsonl", "loop.jsonl", "pipe.jsonl", "folder.jsonl", "s.jsonl"}
    assert secret.read_text() == "{}"


def test_other_endings_stay_and_say_what_to_do(
    inbox: Inbox, layout: Layout, clock: StillClock
) -> None:
    """N17: nothing is ever decompressed."""
    (layout.inbox / "rows.csv").write_text("a,b")
    settle(inbox, clock)
    [item] = inbox.look().leftovers
    assert "finetuned submit" in item.reason


def test_a_hold_out_file_waits_for_its_file_and_goes_with_it(
    inbox: Inbox, layout: Layout, clock: StillClock, tmp_path: Path
) -> None:
    (layout.inbox / "a.valid.jsonl").write_text("held")
    assert settle(inbox, clock) == []
    (layout.inbox / "a.jsonl").write_text("rows")
    assert settle(inbox, clock) == ["a.jsonl"]
    place = JobLayout(tmp_path / "job")
    place.folder.mkdir()
    [drop] = inbox.look().drops
    inbox.claim(drop, place)
    assert place.original.read_text() == "rows"
    assert place.holdout_original.read_text() == "held"
    assert list(layout.inbox.glob("*.jsonl")) == []


def test_a_file_gone_before_its_claim_leaves_nothing_half_done(
    inbox: Inbox, tmp_path: Path
) -> None:
    """N5."""
    place = JobLayout(tmp_path / "job")
    place.folder.mkdir()
    with pytest.raises(FileNotFoundError):
        inbox.claim(Drop("gone.jsonl", "normal", 1), place)
    assert list(place.folder.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["-rf.jsonl", "a\nb.jsonl", "\x1b[31m.jsonl", "ä.jsonl", "<i>.jsonl"]
)
def test_any_name_is_taken_byte_for_byte(
    inbox: Inbox, layout: Layout, clock: StillClock, name: str
) -> None:
    """N10."""
    (layout.inbox / name).write_text("{}")
    assert settle(inbox, clock) == [name]


def test_a_name_that_is_no_utf8_is_taken(inbox: Inbox, layout: Layout, clock: StillClock) -> None:
    """N10."""
    raw = os.fsencode(layout.inbox) + b"/\xff\xfe.jsonl"
    with open(raw, "wb") as file:
        file.write(b"{}")
    assert settle(inbox, clock) == [os.fsdecode(b"\xff\xfe.jsonl")]


def test_a_future_or_ancient_file_time_changes_nothing(
    inbox: Inbox, layout: Layout, clock: StillClock
) -> None:
    """N19: coming to rest is measured by a monotonic clock."""
    for name, when in (("future.jsonl", 4e9), ("past.jsonl", 0)):
        (layout.inbox / name).write_text("{}")
        os.utime(layout.inbox / name, (when, when))
    assert sorted(settle(inbox, clock)) == ["future.jsonl", "past.jsonl"]


def test_a_file_is_never_put_back_over_another(
    inbox: Inbox, layout: Layout, tmp_path: Path
) -> None:
    place = JobLayout(tmp_path / "job")
    place.folder.mkdir()
    place.original.write_text("old")
    (layout.inbox / "a.jsonl").write_text("new")
    inbox.put_back(place, "a.jsonl", "normal")
    assert (layout.inbox / "a.jsonl").read_text() == "new"
    assert (layout.inbox / "a-1.jsonl").read_text() == "old"


def test_a_deleted_inbox_is_no_error(inbox: Inbox, layout: Layout) -> None:
    """N9."""
    for folder in (layout.inbox / "high", layout.inbox / "low", layout.inbox):
        folder.rmdir()
    assert inbox.look().drops == ()


def test_a_file_that_could_not_be_claimed_is_left_alone_for_a_while(
    inbox: Inbox, layout: Layout, clock: StillClock
) -> None:
    """N14, N18: no loop of failing claims; a changed file is tried at once."""
    path = layout.inbox / "a.jsonl"
    path.write_text("{}")
    assert settle(inbox, clock) == ["a.jsonl"]
    inbox.refuse(Drop("a.jsonl", "normal", 2), "another volume")
    view = inbox.look()
    assert view.drops == () and view.leftovers[0].reason == "another volume"
    clock.pass_s(61.0)
    assert names(inbox) == ["a.jsonl"]
    inbox.refuse(Drop("a.jsonl", "normal", 2), "another volume")
    path.write_text("{} ")
    assert settle(inbox, clock) == ["a.jsonl"]
