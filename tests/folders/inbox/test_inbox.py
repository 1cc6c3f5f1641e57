"""What is taken from `inbox/` and what stays, without a look at any content."""

import errno
import os
import socket
from pathlib import Path

import pytest

from daemon.core.decisions.snapshot import Drop
from daemon.folders.inbox.inbox import OPENED_A_LOOK, Inbox
from daemon.layout import Layout
from daemon.layout_jobs import JobLayout
from tests.clocks import StillClock
from tests.folders.inbox.settling import made, names, settle
from tests.sockets import bind_in


def test_a_file_is_taken_only_after_it_lay_unchanged(
    inbox: Inbox, layout: Layout, clock: StillClock
) -> None:
    """A file written in pieces is never taken short (fault N1)."""
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
    """The inode tells one file from the next under the same name (faults N3, N6)."""
    path = layout.inbox / "a.jsonl"
    path.write_text("one")
    inbox.scan()
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
    """They belong to a program that has not finished (fault N4)."""
    (layout.inbox / name).write_text("{}")
    settle(inbox, clock)
    view = inbox.scan()
    assert (view.drops, view.settling, view.leftovers) == ((), 0, ())


def test_a_priority_folder_is_known_in_the_case_in_which_its_volume_lists_it(
    layout: Layout, inbox: Inbox, clock: StillClock
) -> None:
    """Where case is not told apart (macOS), `inbox/High` that a user had made was the folder of
    its priority and told as a leftover, so that `run --until-idle` ended with 3.

    A link lets one folder have both names here.
    """
    (layout.inbox / "high").rename(layout.inbox / "High")
    (layout.inbox / "high").symlink_to("High")
    (layout.inbox / "High" / "a.jsonl").write_text("{}\n")
    inbox.scan()
    clock.pass_s(60.0)
    view = inbox.scan()
    assert view.leftovers == ()
    assert [(drop.name, drop.priority) for drop in view.drops] == [("a.jsonl", "high")]


def test_a_folder_that_is_a_priority_but_for_its_case_is_told_with_the_one_that_is_meant(
    layout: Layout, inbox: Inbox
) -> None:
    """Where case is told apart nothing said why the files in `inbox/LOW` were not taken."""
    (layout.inbox / "LOW").mkdir()
    (layout.inbox / "Other").mkdir()
    left = {item.name: item.reason for item in inbox.scan().leftovers}
    assert left["LOW"].endswith("go into low/") and left["Other"].endswith("or pipes")


def test_links_pipes_sockets_and_folders_stay_and_are_reported(
    inbox: Inbox, layout: Layout, clock: StillClock, tmp_path: Path
) -> None:
    """Nothing is followed, nothing blocks (faults N11, N12, N21)."""
    secret = tmp_path / "secret"
    secret.write_text("{}")
    (layout.inbox / "link.jsonl").symlink_to(secret)
    (layout.inbox / "loop.jsonl").symlink_to("loop.jsonl")
    os.mkfifo(layout.inbox / "pipe.jsonl")
    (layout.inbox / "folder.jsonl").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        bind_in(server, layout.inbox, "s.jsonl")
        assert settle(inbox, clock) == []
        left = {item.name for item in inbox.scan().leftovers}
    assert left == {"link.jsonl", "loop.jsonl", "pipe.jsonl", "folder.jsonl", "s.jsonl"}
    assert secret.read_text() == "{}"


def test_a_file_gone_before_its_claim_leaves_nothing_half_done(
    inbox: Inbox, tmp_path: Path
) -> None:
    """Fault N5."""
    place = JobLayout(tmp_path / "job")
    place.folder.mkdir()
    with pytest.raises(FileNotFoundError):
        inbox.claim(Drop("gone.jsonl", "normal", 1), place)
    assert list(place.folder.iterdir()) == []


@pytest.mark.parametrize(
    "name",
    [
        "-rf.jsonl",
        "a\nb.jsonl",
        "\x1b[31m.jsonl",
        "ä.jsonl",
        "<i>.jsonl",
        "\u202ea.jsonl",
        "x" * 249 + ".jsonl",
    ],
)
def test_any_name_is_taken_byte_for_byte(
    inbox: Inbox, layout: Layout, clock: StillClock, name: str
) -> None:
    """Fault N10."""
    (layout.inbox / name).write_text("{}")
    assert settle(inbox, clock) == [name]


@pytest.mark.linux("APFS refuses names that are no UTF-8")
def test_a_name_that_is_no_utf8_is_taken(inbox: Inbox, layout: Layout, clock: StillClock) -> None:
    """Fault N10."""
    raw = os.fsencode(layout.inbox) + b"/\xff\xfe.jsonl"
    with open(raw, "wb") as file:
        file.write(b"{}")
    assert settle(inbox, clock) == [os.fsdecode(b"\xff\xfe.jsonl")]


def test_a_future_or_ancient_file_time_changes_nothing(
    inbox: Inbox, layout: Layout, clock: StillClock
) -> None:
    """Coming to rest is measured by a monotonic clock (fault N19)."""
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


def test_a_deleted_inbox_is_no_error(inbox: Inbox, layout: Layout, clock: StillClock) -> None:
    """It is told, and files are taken again when it is back (fault N9)."""
    for folder in (layout.inbox / "high", layout.inbox / "low", layout.inbox):
        folder.rmdir()
    view = inbox.scan()
    assert view.drops == () and view.problem is not None and str(layout.inbox) in view.problem
    layout.inbox.mkdir()
    (layout.inbox / "a.jsonl").write_text("{}")
    assert settle(inbox, clock) == ["a.jsonl"]
    assert inbox.scan().problem is None


def test_a_file_in_the_place_of_the_inbox_is_no_error(inbox: Inbox, layout: Layout) -> None:
    """Fault N9, invariant I6."""
    for folder in (layout.inbox / "high", layout.inbox / "low", layout.inbox):
        folder.rmdir()
    layout.inbox.write_text("no folder")
    view = inbox.scan()
    assert view.drops == () and view.problem is not None


def test_a_file_that_could_not_be_claimed_is_left_alone_for_a_while(
    inbox: Inbox, layout: Layout, clock: StillClock
) -> None:
    """No loop of failing claims; a changed file is tried at once (fault N14)."""
    path = layout.inbox / "a.jsonl"
    path.write_text("{}")
    assert settle(inbox, clock) == ["a.jsonl"]
    inbox.refuse(Drop("a.jsonl", "normal", 2), "another volume")
    view = inbox.scan()
    assert view.drops == () and view.leftovers[0].reason == "another volume"
    clock.pass_s(61.0)
    assert names(inbox) == ["a.jsonl"]
    inbox.refuse(Drop("a.jsonl", "normal", 2), "another volume")
    path.write_text("{} ")
    assert settle(inbox, clock) == ["a.jsonl"]


def take(inbox: Inbox, clock: StillClock, place: JobLayout) -> None:
    """Claim what has settled, as the supervisor does."""
    settle(inbox, clock)
    [drop] = inbox.scan().drops
    place.folder.mkdir()
    inbox.own_settings(drop)
    inbox.claim(drop, place)


def test_what_was_taken_is_not_seen_again(
    inbox: Inbox, layout: Layout, clock: StillClock, tmp_path: Path
) -> None:
    """Fault N20."""
    (layout.inbox / "a.jsonl").write_text("{}")
    take(inbox, clock, JobLayout(tmp_path / "job"))
    assert settle(inbox, clock) == []
    assert inbox.scan().settling == 0


def test_the_longest_name_is_taken(
    inbox: Inbox, layout: Layout, clock: StillClock, tmp_path: Path
) -> None:
    """The names of its companions are too long for any volume (fault N10)."""
    (layout.inbox / ("x" * 249 + ".jsonl")).write_text("{}")
    place = JobLayout(tmp_path / "job")
    take(inbox, clock, place)
    assert place.original.read_text() == "{}"


def test_another_name_of_a_taken_file_keeps_its_bytes(
    inbox: Inbox, layout: Layout, clock: StillClock, tmp_path: Path
) -> None:
    """A hard link is moved, never written to (fault N13)."""
    outside = tmp_path / "mine.jsonl"
    outside.write_text("{}")
    os.link(outside, layout.inbox / "a.jsonl")
    place = JobLayout(tmp_path / "job")
    take(inbox, clock, place)
    assert outside.read_text() == "{}"
    assert outside.stat().st_ino == place.original.stat().st_ino


def test_companions_that_are_no_files_are_neither_opened_nor_moved(
    inbox: Inbox, layout: Layout, clock: StillClock, tmp_path: Path
) -> None:
    """A pipe would wait for a writer for ever (faults N11, N12)."""
    secret = tmp_path / "secret"
    secret.write_text("secret")
    (layout.inbox / "a.jsonl").write_text("{}")
    os.mkfifo(layout.inbox / "a.settings.toml")
    (layout.inbox / "a.valid.jsonl").symlink_to(secret)
    place = JobLayout(tmp_path / "job")
    take(inbox, clock, place)
    assert [path.name for path in place.folder.iterdir()] == [place.original.name]
    left = {item.name for item in inbox.scan().leftovers}
    assert left == {"a.settings.toml", "a.valid.jsonl"} and secret.read_text() == "secret"


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EDEADLK, "download it"),
        (errno.EACCES, "denied"),
        (errno.EPERM, "not permitted"),
        (errno.EBUSY, "busy"),
    ],
)
def test_what_cannot_be_claimed_says_why_in_its_own_words(
    inbox: Inbox, layout: Layout, clock: StillClock, number: int, words: str
) -> None:
    """Fault N14."""
    (layout.inbox / "a.jsonl").write_text("{}")
    settle(inbox, clock)
    [drop] = inbox.scan().drops
    inbox.note_not_claimed(drop, OSError(number, os.strerror(number)))
    [item] = inbox.scan().leftovers
    assert words in item.reason


def test_a_full_disk_is_not_the_fault_of_the_file(inbox: Inbox) -> None:
    """Fault D1."""
    with pytest.raises(OSError, match="space"):
        inbox.note_not_claimed(Drop("a.jsonl", "normal", 1), OSError(errno.ENOSPC, "no space left"))


def test_many_files_at_once_are_all_seen_the_oldest_first(
    inbox: Inbox, layout: Layout, clock: StillClock
) -> None:
    """Fault N16."""
    wanted = [f"{number % 7}-{number}.jsonl" for number in range(500)]
    for age, name in enumerate(wanted):
        (layout.inbox / name).write_text("{}")
        os.utime(layout.inbox / name, (age, age))
    assert settle(inbox, clock) == wanted[:OPENED_A_LOOK]
    assert names(inbox) == wanted


def test_a_file_that_ends_in_the_middle_of_a_line_is_waited_for(
    layout: Layout, clock: StillClock
) -> None:
    """A copy that stalls is not taken short; one that never goes on is taken at last (N2)."""
    inbox = made(layout, clock, unfinished_s=30.0)
    path = layout.inbox / "a.jsonl"
    path.write_text('{"prompt": "p", "compl')
    assert settle(inbox, clock) == []
    assert inbox.scan().settling == 1
    clock.pass_s(20.0)
    assert names(inbox) == []
    with path.open("a") as file:
        file.write('etion": "c"}')
    assert settle(inbox, clock) == ["a.jsonl"]
    path.write_text('{"prompt": "p", "compl')
    assert settle(inbox, clock) == []
    clock.pass_s(29.0)
    assert names(inbox) == ["a.jsonl"]
