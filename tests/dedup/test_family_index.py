"""Families of earlier jobs: pruned ones, those from before there were families, and the cache."""

from pathlib import Path
from typing import Any

import pytest

from daemon.dedup import family_index
from daemon.dedup.family_index import open_index
from daemon.dedup.family_making import make_families
from daemon.dedup.family_segments import NOWHERE
from daemon.folders.disk import atomic
from daemon.folders.queue.family_files import Families, jobs_on_disk
from daemon.layout_jobs import JobLayout
from tests.intake.bench import Bench, codes

ROWS = 40


def original(number: int, **more: str) -> dict[str, str]:
    return {
        "prompt": f"What is stone {number} of wall {number * 7}?",
        "completion": f"{number}",
        **more,
    }


def variants(begin: int = 0) -> list[dict[str, str]]:
    return [
        {
            "prompt": f"Speak of {n}: {n * 13}",
            "completion": f"so {n}",
            "variant_of": original(n)["prompt"],
        }
        for n in range(begin, begin + ROWS)
    ]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def as_of_old(bench: Bench) -> JobLayout:
    """Make the last job one that was taken in before there were families."""
    bench.place.families.unlink()
    return bench.place


def held(bench: Bench, place: JobLayout) -> set[int]:
    return {int(row["messages"][1]["content"]) for row in bench.rows("holdout", place)}


def test_the_families_of_an_older_job_are_made_from_its_rows(bench: Bench) -> None:
    bench.take_in([original(n, group=f"g{n}") for n in range(ROWS)])
    old = as_of_old(bench)
    report = bench.take_in(variants())
    assert codes(report) == {"withheld": 4} and report["families"] == {
        "held_out": 0,
        "trained": 36,
        "exam": 4,
    }
    trained = {int(row["messages"][1]["content"].split()[1]) for row in bench.rows("train")}
    assert not trained & held(bench, old)


def test_what_was_pruned_before_is_found_by_equal_rows(bench: Bench) -> None:
    bench.take_in([original(n) for n in range(ROWS)])
    old = as_of_old(bench)
    old.train.unlink()
    again = [original(n, group=f"g{n}") for n in range(ROWS)]
    report = bench.take_in(
        [*again, *({**row, "group": f"g{n}"} for n, row in enumerate(variants()))]
    )
    assert report["families"]["trained"] == 36 and report["families"]["exam"] == 4
    assert not bench.rows("holdout")


def test_what_is_pruned_later_keeps_its_families(bench: Bench) -> None:
    bench.take_in([original(n) for n in range(ROWS)])
    bench.place.train.unlink()
    report = bench.take_in(variants())
    assert report["families"] == {"held_out": 0, "trained": 36, "exam": 4}


class Killed(Exception):
    """Stands for the end of the process."""


def test_families_that_take_long_to_make_are_kept_part_by_part(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        bench.take_in([original(n, group=f"{number}-{n}") for n in range(ROWS)])
    for place in jobs_on_disk(bench.layout):
        place.families.unlink()
    monkeypatch.setattr(family_index, "PART_ROWS", 50)
    made: list[str] = []

    def making(place: JobLayout, progress: Any) -> Families:
        if len(made) == 3:
            raise Killed
        made.append(place.folder.name)
        return make_families(place, progress)

    monkeypatch.setattr(family_index, "make_families", making)
    with pytest.raises(Killed):
        open_index(bench.layout, merge=True)
    assert [name[:6] for name in made] == ["000001", "000002", "000003"]
    made.clear()
    index = open_index(bench.layout, merge=True)
    assert [name[:6] for name in made] == ["000003", "000004"]
    made.clear()
    open_index(bench.layout, merge=False)
    assert not made
    for place in jobs_on_disk(bench.layout):
        known = make_families(place)
        standing = index.standing(known, without="")
        assert ((standing.trained != NOWHERE) != (standing.exam != NOWHERE)).all()


def test_a_job_that_was_removed_or_read_again_is_not_remembered_as_it_was(bench: Bench) -> None:
    bench.take_in([original(n) for n in range(ROWS)])
    first = bench.place
    bench.take_in([original(n + 100) for n in range(ROWS)])
    as_of_old(bench)
    open_index(bench.layout, merge=True)
    atomic.remove_directory(first.folder)
    report = bench.take_in(variants())
    assert report["families"]["trained"] == report["families"]["exam"] == 0
    report = bench.take_in(variants(100))
    assert report["families"]["trained"] + report["families"]["exam"] == ROWS


def test_a_file_that_is_refused_gives_no_family_a_side(bench: Bench) -> None:
    bad = [{"prompt": "x"}] * 60
    report = bench.take_in([*(original(n) for n in range(ROWS)), *bad])
    assert report["verdict"] == "refused"
    assert not bench.place.families.exists()
    report = bench.take_in(variants())
    assert report["families"] == {"held_out": 4, "trained": 0, "exam": 0}


def test_a_variant_of_a_suites_question_is_never_trained(bench: Bench) -> None:
    bench.layout.evals.mkdir(exist_ok=True)
    item = '{"prompt": "What is stone 3 of wall 21?", "answer": "3"}\n'
    header = '{"title": "t", "task": "x", "scorer": "exact", "licence": "x", "origin": "y"}\n'
    (bench.layout.evals / "stones.jsonl").write_text(header + item)
    report = bench.take_in(variants())
    assert codes(report) == {"withheld": 1}
    [row] = [row for row in bench.rows("rejected") if row["code"] == "withheld"]
    assert row["line"] == 4 and row["of"]["job"] == "evals/stones.jsonl"
