"""Files from another volume: copied whole, verified, and recognised after a crash (fault N18)."""

import os
from pathlib import Path

import pytest

from daemon.core.decisions.snapshot import Drop
from daemon.folders.disk import atomic
from daemon.folders.inbox import arrivals
from daemon.folders.inbox.inbox import Inbox
from daemon.folders.queue.queue import Queue
from daemon.layout import Layout
from daemon.layout_jobs import JobLayout
from daemon.settings_files import InboxSettings
from tests.clocks import StillClock

DATA, HELD, OWN = b'{"text": "a"}\n', b'{"text": "b"}\n', b"[training]\nepochs = 3\n"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


@pytest.fixture
def settled(layout: Layout) -> tuple[Drop, arrivals.Files]:
    """A file with its companions, as the inbox saw it settle."""
    clock = StillClock()
    inbox = Inbox(layout, InboxSettings(settle_s=1.0), clock)
    inbox.make_folders()
    for name, data in (("a.jsonl", DATA), ("a.valid.jsonl", HELD), ("a.settings.toml", OWN)):
        (layout.inbox / name).write_bytes(data)
    inbox.scan()
    clock.pass_s(1.0)
    [drop] = inbox.scan().drops
    return drop, inbox.files(drop)


def going_on() -> bool:
    """The daemon does not end."""
    return False


def test_a_copy_holds_every_byte_and_the_inbox_nothing(
    layout: Layout, settled: tuple[Drop, arrivals.Files]
) -> None:
    drop, files = settled
    arrivals.fetch(layout, drop, files, going_on)
    [copied] = arrivals.waiting(layout)
    assert (copied.name, copied.priority, copied.size) == ("a.jsonl", "normal", len(DATA))
    queue = Queue(layout, StillClock())
    queue.make_folders()
    assert copied.arrival is not None
    card = queue.adopt(layout.arriving / copied.arrival, copied.name, "normal", copied.size)
    place = layout.job("incoming", card.job)
    assert place.original.read_bytes() == DATA
    assert place.holdout_original.read_bytes() == HELD
    assert (place.own_settings.read_bytes(), card.own_settings) == (OWN, OWN.decode())
    assert arrivals.waiting(layout) == ()
    assert not [path for path in layout.inbox.rglob("*") if path.is_file()]


class Crash(BaseException):
    """The process ends here."""


def die_before_removal(
    layout: Layout, drop: Drop, files: arrivals.Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Copy a drop and end the process before it leaves the inbox."""

    def crash(path: Path) -> None:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(atomic, "remove_file", crash)
        with pytest.raises(Crash):
            arrivals.fetch(layout, drop, files, going_on)


def test_a_file_that_is_in_both_places_after_a_crash_is_no_second_one(
    layout: Layout, settled: tuple[Drop, arrivals.Files], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invariant I1: until it has left the inbox, its copy is no work."""
    drop, files = settled
    die_before_removal(layout, drop, files, monkeypatch)
    assert arrivals.waiting(layout) == ()
    [copy] = layout.arriving.iterdir()
    before = (copy / "original.jsonl").stat()
    arrivals.fetch(layout, drop, files, going_on)
    [found] = arrivals.waiting(layout)
    assert found.arrival == copy.name
    assert (copy / "original.jsonl").stat() == before


def test_a_crash_between_companions_and_file_loses_none(
    layout: Layout, settled: tuple[Drop, arrivals.Files], monkeypatch: pytest.MonkeyPatch
) -> None:
    drop, files = settled
    real = atomic.remove_file

    def crash(path: Path) -> None:
        if path.name == "a.jsonl":
            raise Crash
        real(path)

    with monkeypatch.context() as patch:
        patch.setattr(atomic, "remove_file", crash)
        with pytest.raises(Crash):
            arrivals.fetch(layout, drop, files, going_on)
    name, main = list(files.items())[-1]
    arrivals.fetch(layout, drop, {name: main}, going_on)
    [found] = arrivals.waiting(layout)
    assert found.arrival is not None
    assert JobLayout(layout.arriving / found.arrival).holdout_original.read_bytes() == HELD


def test_other_bytes_under_the_same_name_and_time_are_copied_anew(
    layout: Layout, settled: tuple[Drop, arrivals.Files], monkeypatch: pytest.MonkeyPatch
) -> None:
    drop, files = settled
    die_before_removal(layout, drop, files, monkeypatch)
    path, identity = files["original.jsonl"]
    path.write_bytes(DATA.upper())
    os.utime(path, ns=(identity[2], identity[2]))
    arrivals.fetch(layout, drop, files, going_on)
    [found] = arrivals.waiting(layout)
    assert found.arrival is not None
    assert JobLayout(layout.arriving / found.arrival).original.read_bytes() == DATA.upper()


@pytest.mark.parametrize("change", ["longer", "gone", "link"])
def test_a_file_that_is_not_the_one_that_settled_stays_and_leaves_no_copy(
    layout: Layout, settled: tuple[Drop, arrivals.Files], change: str, tmp_path: Path
) -> None:
    drop, files = settled
    path = layout.inbox / "a.jsonl"
    if change == "longer":
        path.write_bytes(DATA * 2)
    else:
        path.unlink()
    if change == "link":
        (tmp_path / "secret").write_bytes(DATA)
        path.symlink_to(tmp_path / "secret")
    with pytest.raises((arrivals.FileChanged, OSError)):
        arrivals.fetch(layout, drop, files, going_on)
    assert list(layout.arriving.iterdir()) == []
    assert (layout.inbox / "a.valid.jsonl").read_bytes() == HELD
    assert path.exists() == (change != "gone")


def test_a_copy_that_is_not_what_was_read_is_removed_and_the_file_stays(
    layout: Layout, settled: tuple[Drop, arrivals.Files], monkeypatch: pytest.MonkeyPatch
) -> None:
    drop, files = settled
    monkeypatch.setattr(arrivals, "_digest", lambda path: "another")
    with pytest.raises(OSError, match="differs from what was written"):
        arrivals.fetch(layout, drop, files, going_on)
    assert list(layout.arriving.iterdir()) == []
    assert (layout.inbox / "a.jsonl").read_bytes() == DATA


def test_a_copy_whose_note_is_damaged_is_work_all_the_same(
    layout: Layout, settled: tuple[Drop, arrivals.Files]
) -> None:
    drop, files = settled
    arrivals.fetch(layout, drop, files, going_on)
    [copy] = layout.arriving.iterdir()
    (copy / "source.json").write_bytes(b"{")
    [found] = arrivals.waiting(layout)
    assert (found.arrival, found.name, found.size) == (copy.name, f"{copy.name}.jsonl", len(DATA))


def test_a_daemon_that_ends_leaves_the_file_where_it_is(
    layout: Layout, settled: tuple[Drop, arrivals.Files]
) -> None:
    drop, files = settled
    with pytest.raises(arrivals.Left):
        arrivals.fetch(layout, drop, files, lambda: True)
    assert list(layout.arriving.iterdir()) == []
    assert (layout.inbox / "a.jsonl").read_bytes() == DATA
