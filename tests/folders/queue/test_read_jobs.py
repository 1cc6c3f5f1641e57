"""Which jobs were read: only what is new, has moved or was written is looked at again."""

import os
from pathlib import Path

import pytest

from daemon.folders.disk import atomic
from daemon.folders.queue.read_jobs import ReadJob, ReadJobs
from daemon.layout import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


def add(
    layout: Layout, state: str, job: str, moment_ns: int | None, *, report: bool = False
) -> None:
    place = layout.job(state, job)
    place.folder.mkdir(parents=True, exist_ok=True)
    if moment_ns is not None:
        path = place.report if report else place.families
        path.touch()
        os.utime(path, ns=(moment_ns, moment_ns))


def move(layout: Layout, job: str, source: str, target: str) -> None:
    layout.job(target, job).folder.parent.mkdir(exist_ok=True)
    atomic.move(layout.job(source, job).folder, layout.job(target, job).folder)


def test_a_job_is_known_by_when_its_families_or_else_its_report_were_written(
    layout: Layout,
) -> None:
    add(layout, "done", "000002-b", 7)
    add(layout, "failed", "000001-a", 5, report=True)
    add(layout, "incoming", "000003-c", None)
    add(layout, "done", ".tmp-000004-d", 9)
    found = ReadJobs(layout).changed()
    assert list(found.items()) == [
        ("000001-a", ReadJob("failed", 5)),
        ("000002-b", ReadJob("done", 7)),
        ("000003-c", None),
    ]


def test_what_stays_as_it_was_is_not_told_again(layout: Layout) -> None:
    add(layout, "normal", "000001-a", 5)
    jobs = ReadJobs(layout)
    jobs.changed()
    assert jobs.changed() == {}
    move(layout, "000001-a", "normal", "done")
    assert jobs.changed() == {"000001-a": ReadJob("done", 5)}
    add(layout, "done", "000001-a", 6)
    assert jobs.changed() == {}
    jobs.written("000001-a")
    assert jobs.changed() == {"000001-a": ReadJob("done", 6)}
    atomic.remove_directory(layout.job("done", "000001-a").folder)
    assert jobs.changed() == {"000001-a": None}
    assert jobs.changed() == {}


def test_a_job_that_another_process_has_read_is_found_as_it_moves(layout: Layout) -> None:
    """A worker of a killed daemon may end its file beside the new daemon's worker."""
    add(layout, "incoming", "000001-a", None)
    jobs = ReadJobs(layout)
    assert jobs.changed() == {"000001-a": None}
    add(layout, "incoming", "000001-a", 5)
    move(layout, "000001-a", "incoming", "high")
    assert jobs.changed() == {"000001-a": ReadJob("high", 5)}


def test_of_a_job_in_two_states_the_later_one_counts_also_when_one_of_them_goes(
    layout: Layout,
) -> None:
    add(layout, "normal", "000001-a", 5)
    add(layout, "done", "000001-a", 6)
    jobs = ReadJobs(layout)
    assert jobs.changed() == {"000001-a": ReadJob("done", 6)}
    atomic.remove_directory(layout.job("done", "000001-a").folder)
    assert jobs.changed() == {"000001-a": ReadJob("normal", 5)}


def test_a_job_that_moved_since_it_was_listed_is_found_where_it_lies(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that moved between the listing of a directory and the look into it was left out."""
    add(layout, "incoming", "000001-a", 5)
    add(layout, "done", "000002-b", 6)
    jobs = ReadJobs(layout)
    listed = jobs._listed

    def and_then_moves(state: str) -> frozenset[str]:
        names = listed(state)
        if state == "low" and layout.job("incoming", "000001-a").folder.exists():
            move(layout, "000001-a", "incoming", "normal")
            move(layout, "000002-b", "done", "high")
        return names

    monkeypatch.setattr(jobs, "_listed", and_then_moves)
    assert jobs.changed() == {"000001-a": ReadJob("normal", 5), "000002-b": ReadJob("high", 6)}
