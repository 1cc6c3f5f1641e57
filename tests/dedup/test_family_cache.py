"""The cache of families: trusted by a job's name while a worker lives, by its moment at a start."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from daemon.dedup import family_index
from daemon.dedup.family_index import TRUST_S, JobFamilies, open_index
from daemon.dedup.family_segments import NOWHERE, FamilyIndex, FamilySegment
from daemon.folders.disk import atomic
from daemon.folders.queue import family_files, read_jobs
from daemon.folders.queue.family_files import Families, FamilySide, jobs_on_disk
from daemon.layout import Layout
from daemon.layout_jobs import JobLayout
from tests.clocks import StillClock
from tests.intake.bench import Bench
from tests.kill import Killed, killed_at

ROWS = 12
SHARES = 5
"""Parts into which the steps of one reading are divided, each a test."""


def row(number: int) -> dict[str, str]:
    return {"prompt": f"What is stone {number} of wall {number * 7}?", "completion": f"{number}"}


def rows(begin: int) -> list[dict[str, str]]:
    return [row(n) for n in range(begin, begin + ROWS)]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A workspace whose jobs are merged by threes, so that each has a segment soon."""
    monkeypatch.setattr(family_index, "LOOSE_JOBS", 2)
    return Bench(tmp_path / "w")


def on_disk(layout: Layout) -> dict[str, Families]:
    known = {place.folder.name: family_files.read(place.families) for place in jobs_on_disk(layout)}
    return {job: families for job, families in known.items() if families is not None}


def told(index: FamilyIndex, about: Families) -> list[list[bool]]:
    standing = index.standing(about, without="")
    return [(side != NOWHERE).tolist() for side in (standing.trained, standing.exam)]


def is_right(index: FamilyIndex, layout: Layout, more: Families | None = None) -> bool:
    """Return whether an index says what the jobs' own files say, of all their rows and `more`."""
    jobs = on_disk(layout)
    truth = FamilyIndex([FamilySegment.build([f"{j}@" for j in jobs], list(jobs.values()))])
    about = np.concatenate([*jobs.values(), *([] if more is None else [more])])
    return told(index, about) == told(truth, about)


def turned(families: Families) -> Families:
    """Return families with each on the other side: what no reading makes of the same bytes."""
    other = families.copy()
    trained = families["side"] == FamilySide.TRAINED
    other["side"][trained] = FamilySide.WITHHELD
    other["side"][~trained] = FamilySide.TRAINED
    return other


def test_a_file_looks_at_no_job_that_nothing_became_of(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file looked into the directories of all jobs: 10,000 at once took hours for it."""
    for number in range(8):
        bench.take_in(rows(number * ROWS))
    for number in range(500, 540):
        bench.layout.job("incoming", f"{number:06d}-waits").folder.mkdir()
    bench.take_in(rows(8 * ROWS))
    looked: list[str] = []
    moment_of = read_jobs._moment_ns

    def looking(path: str) -> int | None:
        looked.append(path.split("/")[-2])
        return moment_of(path)

    monkeypatch.setattr(read_jobs, "_moment_ns", looking)
    for number in range(9, 13):
        looked.clear()
        bench.take_in(rows(number * ROWS))
        # The file before it, and itself: its directory is new.
        assert set(looked) == {f"{number:06d}-t", f"{number + 1:06d}-t"}


def test_families_of_a_file_that_is_read_again_count_and_not_the_cached_ones(
    bench: Bench,
) -> None:
    for number in range(6):
        bench.take_in(rows(number * ROWS))
    first = next(jobs_on_disk(bench.layout))
    before = family_files.read(first.families)
    first.original.write_bytes(b'{"text": "one row of something else"}\n')
    bench.take_in_again(first)
    for index in (bench.families.index(), open_index(bench.layout, merge=False)):
        assert is_right(index, bench.layout, before)
        assert before is not None and not any(any(side) for side in told(index, before))
    kept = set(os.listdir(bench.layout.seen))
    bench.take_in_again(first)
    assert set(os.listdir(bench.layout.seen)) == kept, "thousands may be read again one by one"


def test_families_of_a_file_that_is_refused_when_read_again_go(bench: Bench) -> None:
    for number in range(6):
        bench.take_in(rows(number * ROWS))
    first = next(jobs_on_disk(bench.layout))
    before = family_files.read(first.families)
    first.original.write_bytes(b"{\n" * 30)
    assert bench.take_in_again(first)["verdict"] == "refused"
    assert is_right(bench.families.index(), bench.layout, before)
    bench.restart()
    assert is_right(bench.families.index(), bench.layout, before)


def test_families_of_a_removed_job_go_and_those_of_a_moved_one_stay(bench: Bench) -> None:
    for number in range(6):
        bench.take_in(rows(number * ROWS))
    removed, moved = list(jobs_on_disk(bench.layout))[:2]
    before = family_files.read(removed.families)
    bench.layout.job("done", "x").folder.parent.mkdir()
    atomic.move(moved.folder, bench.layout.job("done", moved.folder.name).folder)
    assert is_right(bench.families.index(), bench.layout)
    atomic.remove_directory(removed.folder)
    for index in (bench.families.index(), open_index(bench.layout, merge=False)):
        assert is_right(index, bench.layout, before)


@pytest.mark.parametrize("share", range(SHARES))
def test_a_kill_at_any_step_of_a_reading_leaves_a_cache_that_is_read_right(
    bench: Bench, tmp_path: Path, share: int
) -> None:
    """Steps of the merging of the cache among them, and of the writing of families anew."""
    for number in range(6):
        bench.take_in(rows(number * ROWS))
    first = next(jobs_on_disk(bench.layout))
    before = family_files.read(first.families)
    first.original.write_bytes(b'{"text": "one row of something else"}\n')
    bench.restart()
    shutil.copytree(bench.layout.root, tmp_path / "as it was")
    step = share
    while True:
        with killed_at(step) as passed:
            try:
                bench.take_in_again(first)
                break
            except Killed:
                pass
        for index in (open_index(bench.layout, merge=False), open_index(bench.layout, merge=True)):
            assert is_right(index, bench.layout, before), passed
        shutil.rmtree(bench.layout.root)
        shutil.copytree(tmp_path / "as it was", bench.layout.root)
        bench.restart()
        step += SHARES
    assert is_right(bench.families.index(), bench.layout, before)
    assert {"building.filled", "trash.renamed", "replacing.renamed"} <= set(passed)


def test_families_of_a_backup_that_was_put_back_count_at_the_next_start(bench: Bench) -> None:
    """Copied back, a file may be older than the cache, or newer; it is never taken for the same."""
    for number in range(6):
        bench.take_in(rows(number * ROWS))
    places = list(jobs_on_disk(bench.layout))
    for place, moment_ns in ((places[0], 1_700_000_000 * 10**9), (places[1], None)):
        family_files.write(place.families, turned(on_disk(bench.layout)[place.folder.name]))
        if moment_ns is not None:
            os.utime(place.families, ns=(moment_ns, moment_ns))
    assert is_right(open_index(bench.layout, merge=False), bench.layout)
    bench.restart()
    assert is_right(bench.families.index(), bench.layout)


def test_families_that_are_replaced_under_a_living_worker_count_after_a_while(
    bench: Bench,
) -> None:
    for number in range(4):
        bench.take_in(rows(number * ROWS))
    clock = StillClock()
    families = JobFamilies(bench.layout, merge=True, clock=clock)
    assert is_right(families.index(), bench.layout)
    [job, *_] = on_disk(bench.layout)
    place = next(jobs_on_disk(bench.layout))
    family_files.write(place.families, turned(on_disk(bench.layout)[job]))
    assert not is_right(families.index(), bench.layout)
    clock.pass_s(TRUST_S + 1)
    assert is_right(families.index(), bench.layout)


@pytest.mark.parametrize("damage", ["cut", "garbage", "gone", "removed"])
def test_a_damaged_segment_is_made_anew(bench: Bench, damage: str) -> None:
    for number in range(6):
        bench.take_in(rows(number * ROWS))
    folder = next(bench.layout.seen.glob("families-*"))
    if damage == "cut":
        data = (folder / "entries.npy").read_bytes()
        (folder / "entries.npy").unlink()
        (folder / "entries.npy").write_bytes(data[:-7])
    elif damage == "garbage":
        (folder / "segment.json").write_bytes(b"\xff")
    elif damage == "gone":
        (folder / "keys.npy").unlink()
    else:
        shutil.rmtree(bench.layout.seen)
    assert is_right(bench.families.index(), bench.layout)
    bench.restart()
    assert is_right(bench.families.index(), bench.layout)
    bench.take_in(rows(200))
    assert is_right(bench.families.index(), bench.layout)


def test_a_look_that_ended_half_way_is_made_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that takes all memory is refused, and its worker lives on: it must know all jobs."""
    for number in range(4):
        bench.take_in(rows(number * ROWS))
    bench.restart()
    with monkeypatch.context() as patch:
        patch.setattr(family_index, "_segments", iter)
        with pytest.raises(TypeError):
            bench.families.index()
    assert is_right(bench.families.index(), bench.layout)


def test_files_that_gave_no_family_a_side_are_known_by_the_cache_too(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report of each was read again at each file."""
    for _ in range(8):
        bench.take_in(b"{\n")
    read: list[str] = []
    accepted = family_index._is_accepted

    def looking(place: JobLayout) -> bool:
        read.append(place.folder.name)
        return accepted(place)

    monkeypatch.setattr(family_index, "_is_accepted", looking)
    bench.take_in(b"{\n")
    assert read == ["000008-t"]
    bench.restart()
    read.clear()
    bench.take_in(b"{\n")
    assert len(read) <= family_index.LOOSE_JOBS + 1


def test_families_of_a_job_that_moves_while_they_are_read_are_read_where_it_lies(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They were taken for none, under the name by which the cache keeps them."""
    bench.take_in(rows(0))
    bench.restart()
    place = bench.place
    there = bench.layout.job("done", place.folder.name).folder
    there.parent.mkdir()
    read = family_files.read_or_none

    def moves(path: Path) -> Families | None:
        if place.folder.exists():
            atomic.move(place.folder, there)
        return read(path)

    with monkeypatch.context() as patch:
        patch.setattr(family_files, "read_or_none", moves)
        index = bench.families.index()
    assert there.exists() and is_right(index, bench.layout)
