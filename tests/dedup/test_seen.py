"""The keys of other jobs: found from sealed files, from merged ones, and after damage."""

import json
from pathlib import Path

import numpy as np
import pytest

from daemon.core.rows.examples import Chat, to_record
from daemon.core.workspace.untrained import Untrained
from daemon.dedup import seen as module
from daemon.dedup.judging import Judge
from daemon.dedup.matching import Match, on_exam, seen_before
from daemon.dedup.sealing import Sealer
from daemon.dedup.seen import Seen, remake
from daemon.dedup.segments import cached
from daemon.folders.queue import fingerprints
from daemon.folders.queue.seen import SeenFolder
from daemon.layout import Layout
from tests.dedup.rows import PROSE, asked, keys_for


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


def add(layout: Layout, number: int, rows: list[Chat]) -> str:
    """Write a job as intake seals it."""
    place = layout.job("done", f"{number:06d}-j")
    place.folder.mkdir(parents=True)
    place.job_file.write_text("{}")
    lines = [json.dumps({"row": n, "line": n + 1, **to_record(row)}) for n, row in enumerate(rows)]
    place.train.write_text("".join(line + "\n" for line in lines))
    keys = remake(place.train)
    fingerprints.write(place.train_fingerprints, [keys], len(keys))
    return place.folder.name


def matches(layout: Layout, jobs: list[str], rows: list[Chat], job: str = "", merge: bool = True):  # type: ignore[no-untyped-def]
    seen = Seen(layout, "train", jobs)
    return seen_before(
        keys_for(rows), rows.__getitem__, seen.open(merge), seen, Judge(Sealer()), job, near=True
    )


def test_a_row_that_was_trained_is_named_with_job_and_line(layout: Layout) -> None:
    one = add(layout, 1, [asked(f"the question number {n}", f"{n}") for n in range(9)])
    two = add(layout, 2, [asked("What is insulin resistance?", PROSE[0])])
    rows = [
        asked("the question number 4", "4"),
        asked("What is an insulin resistance", PROSE[1]),
        asked("the question, number 5?", "six"),
        asked("the question number 44", "44"),
    ]
    assert matches(layout, [one, two], rows) == {
        0: Match("duplicate", "exact", one, 5),
        1: Match("duplicate", "wording", two, 1),
        2: Match("conflict", "wording", one, 6, "5"),
    }
    assert matches(layout, [two], rows[:1]) == {}


def test_a_job_is_never_compared_with_itself(layout: Layout) -> None:
    rows = [asked("the question number 4", "4")]
    one = add(layout, 1, rows)
    assert matches(layout, [one], rows, job=one) == {}


def test_merged_keys_answer_like_loose_ones_and_never_for_other_jobs(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOSE_JOBS", 4)
    data = [
        [asked(f"the question number {job * 10 + n}", f"{n}") for n in range(5)]
        for job in range(20)
    ]
    jobs = [add(layout, number, rows) for number, rows in enumerate(data)]
    for count in range(1, 21):
        probe = [rows[2] for rows in data]
        expected = {n: Match("duplicate", "exact", jobs[n], 3) for n in range(count)}
        assert matches(layout, jobs[:count], probe) == expected
    segments = list(cached(SeenFolder(layout.seen, "train")))
    assert 0 < len(segments) < 6 and sum(one.rows for one in segments) >= 80
    # After a rollback the lineage is shorter; merged keys of jobs it no longer has do not count.
    assert set(matches(layout, jobs[:3], [rows[2] for rows in data], merge=False)) == {0, 1, 2}


def test_merged_keys_leave_out_what_a_run_left_out_and_an_equal_row_still_counts(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOSE_JOBS", 1)
    rows = [asked(f"the question number {n}", f"{n}") for n in range(4)]
    jobs = [add(layout, 1, rows), add(layout, 2, rows[2:3]), add(layout, 3, rows[:1])]
    untrained = {jobs[0]: Untrained(frozenset({0, 1, 2})), jobs[2]: Untrained(frozenset({0}))}
    for merge in (True, False):
        seen = Seen(layout, "train", jobs, untrained)
        found = seen_before(
            keys_for(rows), rows.__getitem__, seen.open(merge), seen, Judge(Sealer()), "", near=True
        )
        assert {n: (match.job, match.line) for n, match in found.items()} == {
            2: (jobs[1], 1),
            3: (jobs[0], 4),
        }
    assert list(cached(SeenFolder(layout.seen, "train")))


def test_jobs_that_are_gone_are_no_reason_to_merge_the_others_again(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file merged all again where more jobs of the lineage were removed than may be loose."""
    monkeypatch.setattr(module, "LOOSE_JOBS", 4)
    rows = [asked(f"the question number {n}", f"{n}") for n in range(5)]
    jobs = [add(layout, number, [row]) for number, row in enumerate(rows)]
    gone = [f"{number:06d}-gone" for number in range(100, 120)]
    assert len(matches(layout, [*jobs, *gone], rows)) == 5
    kept = list(layout.seen.iterdir())
    more = add(layout, 50, [asked("one more question", "x")])
    assert len(matches(layout, [*jobs, *gone, more], rows)) == 5
    assert list(layout.seen.iterdir()) == kept


@pytest.mark.parametrize("damage", ["cut", "garbage", "gone"])
def test_the_cache_is_made_again_when_it_is_damaged(layout: Layout, damage: str) -> None:
    rows = [asked(f"the question number {n}", f"{n}") for n in range(40)]
    jobs = [add(layout, number, [row]) for number, row in enumerate(rows)]
    assert len(matches(layout, jobs, rows)) == 40
    folder = next(layout.seen.glob("train-*"))
    victim = folder / "entries.npy"
    if damage == "cut":
        victim.write_bytes(victim.read_bytes()[:-50])
    elif damage == "garbage":
        (folder / "segment.json").write_bytes(b"\xff")
    else:
        victim.unlink()
    assert len(matches(layout, jobs, rows)) == 40


def test_keys_of_another_version_of_rows_that_are_gone_know_equal_rows(layout: Layout) -> None:
    """A pruned job has its keys only: of an older release they must not be forgotten."""
    one = add(layout, 1, [asked("What is insulin resistance?", PROSE[0])])
    place = layout.job("done", one)
    keys = fingerprints.read(place.train_fingerprints)
    older = np.dtype(
        [
            *[(name, keys.dtype[name]) for name in fingerprints.EXACT],
            ("content", "<u8"),
            ("answer", "<u8"),
            ("length", "<u4"),
            ("bands_v1", "<u4", (16,)),
        ]
    )
    old = np.zeros(len(keys), older)
    for name in fingerprints.EXACT:
        old[name] = keys[name]
    np.save(place.train_fingerprints, old)
    place.train.unlink()
    rows = [asked("What is insulin resistance?", PROSE[0]), asked("What is insulin?", PROSE[0])]
    assert matches(layout, [one], rows) == {0: Match("duplicate", "exact", one, 1)}


def test_keys_of_another_version_are_made_again_from_the_rows(layout: Layout) -> None:
    one = add(layout, 1, [asked("What is insulin resistance?", PROSE[0])])
    np.save(layout.job("done", one).train_fingerprints, np.zeros(1, np.uint64))
    found = matches(layout, [one], [asked("What is an insulin resistance?", PROSE[0])])
    assert found == {0: Match("duplicate", "wording", one, 1)}


def test_an_exam_is_recognised_whatever_the_answer_but_a_slip_needs_the_same_one(
    layout: Layout,
) -> None:
    exam = asked("What is insulin resistance in adults?", "a disease")
    rows = [
        asked("what is an insulin resistance in adults", "something else"),
        asked("What is insulin resistence in adults?", "a disease"),
        asked("What is insulin resistence in adults?", "a town"),
        asked("What is insulin resistance in children?", "a disease"),
    ]
    one = add(layout, 1, [exam])
    seen = Seen(layout, "train", [one])
    found = on_exam(
        keys_for(rows),
        rows.__getitem__,
        seen.open(merge=False),
        seen.example,
        Judge(Sealer()),
        "",
        True,
    )
    assert {place: match.how for place, match in found.items()} == {0: "wording", 1: "spelling"}
