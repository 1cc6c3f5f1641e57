"""Jobs in their folders (faults N6, N10, N20, Q2, Q3)."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.core.jobs import JobCard
from daemon.folders.queue import Queue, find_job
from daemon.layout import Layout
from tests.clocks import StillClock


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


def test_an_unreadable_card_is_set_aside_and_the_job_goes_on(queue: Queue, layout: Layout) -> None:
    """It is never written over (fault Q2)."""
    card = queue.create("a.jsonl", "normal", "")
    place = layout.job("incoming", card.job)
    place.job_file.write_text("garbage")
    [found] = Queue(layout, StillClock()).cards("incoming")
    assert found.job == card.job
    assert [p.read_text() for p in place.folder.glob("job.json.corrupt-*")] == ["garbage"]


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
    queue.settle_twins()
    assert find_job(layout, empty.job) is None
    assert not layout.job("normal", twin.job).folder.exists()
    assert layout.job("done", twin.job).folder.exists()


@pytest.mark.parametrize("job", ["../../etc", "", "000001", "x", "000001-a/../..", "000001-\n"])
def test_a_name_that_is_no_job_is_never_joined_to_a_path(layout: Layout, job: str) -> None:
    """Fault N10."""
    assert find_job(layout, job) is None


def test_rows_that_training_refuses_are_appended_once(queue: Queue, layout: Layout) -> None:
    card = queue.create("a.jsonl", "normal", "")
    queue.move(card, "incoming", "running")
    place = layout.job("running", card.job)
    place.rejected.write_bytes(b'{"line": 1}\n')
    row = {"line": 7, "code": "not_finite", "raw": "é"}
    for _ in range(2):
        queue.reject(card.job, [row])
    lines = place.rejected.read_bytes().splitlines()
    assert [json.loads(line) for line in lines] == [{"line": 1}, row]
