"""Jobs in their folders (faults N6, N10, N20, Q2, Q3, D15)."""

import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.core.workspace.jobs import JobCard
from daemon.errors import DaemonFault
from daemon.folders.queue.queue import Queue, find_job, read_cards
from daemon.layout import Layout
from tests.clocks import StillClock

OWN = "[training]\nepochs = 2\n"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


@pytest.fixture
def queue(layout: Layout) -> Queue:
    folder = Queue(layout, StillClock())
    folder.make_folders()
    return folder


def test_arrival_numbers_are_never_given_twice(queue: Queue, layout: Layout) -> None:
    """Two files of one name are two jobs (fault N6)."""
    first = queue.create("a.jsonl", "normal", "")
    again = Queue(layout, StillClock()).create("a.jsonl", "normal", "")
    assert (first.job, again.job) == ("000001-a", "000002-a")


def test_a_card_survives_a_restart_with_a_name_in_any_bytes(queue: Queue, layout: Layout) -> None:
    """Fault N10."""
    name = b"\xff\x1b\n.jsonl".decode("utf-8", "surrogateescape")
    card = queue.create(name, "high", "")
    assert list(Queue(layout, StillClock()).cards("incoming")) == [card]


def test_after_a_restart_jobs_have_their_order_and_each_card_is_read_once(
    queue: Queue, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault Q10."""
    made = [queue.create(f"{number % 7}.jsonl", "normal", "") for number in range(60)]
    again = Queue(layout, StillClock())
    read: list[str] = []
    real = again._read

    def counted(state: str, job: str) -> JobCard:
        read.append(job)
        return real(state, job)

    monkeypatch.setattr(again, "_read", counted)
    for _ in range(3):
        assert list(again.cards("incoming")) == made
    assert read == [card.job for card in made]


def test_a_job_changes_its_state_by_one_move(queue: Queue, layout: Layout) -> None:
    card = replace(queue.create("a.jsonl", "normal", ""), reason="why")
    queue.move(card, "incoming", "failed")
    assert list(queue.cards("incoming")) == []
    assert list(Queue(layout, StillClock()).cards("failed")) == [card]
    place = find_job(layout, card.job)
    assert place is not None and place.folder.parent.name == "failed"


@pytest.mark.parametrize("garbage", [b"garbage", b"", b"\xff\xfe", b"[]", b'{"schema_version": 1'])
def test_an_unreadable_card_is_set_aside_and_told_and_the_job_goes_on(
    queue: Queue, layout: Layout, garbage: bytes
) -> None:
    """Q2: never overwritten; the file's own settings count again, for they lie beside it."""
    card = queue.create("a.jsonl", "normal", OWN)
    place = layout.job("incoming", card.job)
    place.own_settings.write_text(OWN)
    place.job_file.write_bytes(garbage)
    again = Queue(layout, StillClock())
    [found] = again.cards("incoming")
    assert (found.job, found.own_settings) == (card.job, OWN)
    [aside] = place.folder.glob("job.json.corrupt-*")
    assert aside.read_bytes() == garbage
    assert aside.name in again.unreadable[card.job]
    healed = Queue(layout, StillClock())
    assert (list(healed.cards("incoming")), healed.unreadable) == ([found], {})


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EACCES, errno.EIO])
def test_a_card_that_cannot_be_read_now_is_not_taken_for_damaged(
    queue: Queue, layout: Layout, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """D2, D3: trouble of the machine says nothing about the bytes; the next look reads them."""
    card = queue.create("a.jsonl", "normal", OWN)
    place = layout.job("incoming", card.job)
    before = sorted(place.folder.iterdir())
    again = Queue(layout, StillClock())

    def refuse(path: Path) -> bytes:
        raise OSError(number, os.strerror(number), str(path))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", refuse)
        with pytest.raises(OSError, match=r"job\.json"):
            list(again.cards("incoming"))
    assert (sorted(place.folder.iterdir()), again.unreadable) == (before, {})
    assert list(again.cards("incoming")) == [card]


def test_a_card_of_a_newer_version_is_refused_and_not_touched(queue: Queue, layout: Layout) -> None:
    """Q2, D15: one sentence, and no job is taken apart by a version that cannot read it."""
    place = layout.job("incoming", queue.create("a.jsonl", "normal", "").job)
    record = json.loads(place.job_file.read_bytes()) | {"schema_version": 2, "more": 1}
    place.job_file.write_text(json.dumps(record))
    place.original.write_text("{}")
    before = place.job_file.read_bytes()
    again = Queue(layout, StillClock())
    for refusing in (lambda: list(again.cards("incoming")), lambda: read_cards(layout)):
        with pytest.raises(DaemonFault, match=r"newer finetuned \(schema 2, this one reads 1\)"):
            refusing()
    assert place.job_file.read_bytes() == before
    assert list(place.folder.glob("*corrupt*")) == []


def test_reading_all_cards_changes_nothing_and_names_what_it_leaves_out(
    queue: Queue, layout: Layout
) -> None:
    """Q2: a rebuild of the ledger only looks."""
    good, bad = queue.create("good.jsonl", "normal", ""), queue.create("bad.jsonl", "normal", "")
    queue.create("claim-without-its-file.jsonl", "normal", "")
    for card in (good, bad):
        layout.job("incoming", card.job).original.write_text("{}")
        queue.move(card, "incoming", "done")
    layout.job("done", bad.job).job_file.write_text("garbage")
    before = sorted(layout.queue.rglob("*"))
    cards, problems = read_cards(layout)
    assert cards == [good]
    assert [bad.job in problem and "left out" in problem for problem in problems] == [True]
    assert sorted(layout.queue.rglob("*")) == before


def test_an_empty_claim_is_purged_and_a_job_in_two_states_belongs_to_the_later(
    queue: Queue, layout: Layout
) -> None:
    """Faults Q1, Q3, invariant I1."""
    empty = queue.create("empty.jsonl", "normal", "")
    twin = queue.create("twin.jsonl", "normal", "")
    for state in ("normal", "done"):
        folder = layout.job(state, twin.job).folder
        folder.mkdir()
        (folder / "job.json").write_bytes(layout.job("incoming", twin.job).job_file.read_bytes())
        (folder / "original.jsonl").write_text("{}")
    queue.settle_duplicate_jobs()
    assert find_job(layout, empty.job) is None
    assert not layout.job("normal", twin.job).folder.exists()
    assert layout.job("done", twin.job).folder.exists()


@pytest.mark.parametrize("job", ["../../etc", "", "000001", "x", "000001-a/../..", "000001-\n"])
def test_a_name_that_is_no_job_is_never_joined_to_a_path(layout: Layout, job: str) -> None:
    """Fault N10."""
    assert find_job(layout, job) is None


def test_cards_of_old_ended_jobs_leave_the_memory_and_are_read_again(
    queue: Queue, layout: Layout
) -> None:
    cards = [queue.create(f"{name}.jsonl", "normal", "") for name in "abcd"]
    for card in cards:
        queue.move(card, "incoming", "done")
    assert [card for _, card in queue.newest(["done"], 2)] == cards[2:]
    assert set(queue._cards) == {card.job for card in cards[2:]}
    assert queue.cards("done") == tuple(cards)


def test_a_job_without_held_out_rows_is_asked_for_again_once_it_moves(
    queue: Queue, layout: Layout
) -> None:
    card = queue.create("a.jsonl", "normal", "")
    queue.move(card, "incoming", "normal")
    assert queue.with_holdout() == []
    queue.move(card, "normal", "incoming")
    layout.job("incoming", card.job).holdout_fingerprints.touch()
    queue.move(card, "incoming", "normal")
    assert queue.with_holdout() == [card.job]


def test_an_arrival_number_is_not_given_twice_by_a_counter_from_a_backup(
    queue: Queue, layout: Layout
) -> None:
    """It was trusted alone: a new job took the directory's name of one that lay there."""
    first = queue.create("a.jsonl", "normal", "")
    second = queue.create("a.jsonl", "normal", "")
    (layout.queue / ".arrivals").write_text(f"{first.arrival}\n")
    again = Queue(layout, StillClock())
    assert again.create("a.jsonl", "normal", "").arrival == second.arrival + 1
    (layout.queue / ".arrivals").write_text("0\n")
    assert again.create("a.jsonl", "normal", "").arrival == second.arrival + 2


def test_an_arrival_number_that_a_version_knows_is_not_given_again(queue: Queue) -> None:
    """After an older backup of queue/ a new job counted as the trained one of its name."""
    queue.number_beyond(["000007-a", "000012-notes", "no job"])
    assert queue.create("notes.jsonl", "normal", "").job == "000013-notes"


def test_a_job_is_looked_into_for_held_out_rows_once_until_it_moves(
    queue: Queue, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that have some were looked into at each file: with thousands, longer than it took."""
    cards = [queue.create(f"{name}.jsonl", "normal", "") for name in "ab"]
    for card in cards:
        layout.job("incoming", card.job).holdout_fingerprints.touch()
        queue.move(card, "incoming", "normal")
    assert queue.with_holdout() == [card.job for card in cards]
    looked: list[Path] = []
    exists = Path.exists

    def looking(path: Path) -> bool:
        looked.append(path)
        return exists(path)

    monkeypatch.setattr(Path, "exists", looking)
    assert queue.with_holdout() == [card.job for card in cards]
    assert not looked
    queue.move(cards[0], "normal", "incoming")
    layout.job("incoming", cards[0].job).holdout_fingerprints.unlink()
    queue.move(cards[0], "incoming", "normal")
    assert queue.with_holdout() == [cards[1].job]
