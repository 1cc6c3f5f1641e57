"""Variants of one example are all trained or all kept from training, whatever file they come in.

Families used to be divided file by file: of 100 families on an exam a later file with three
variants of each trained 34, and the other way round 9 of 10 newly held-out ones had been trained.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from daemon.folders.queue.family_files import jobs_on_disk
from tests.intake.bench import Bench, codes, pair

ROWS = 200
FRESH = ["whale", "copper", "violin", "harbour", "glacier", "saffron", "lantern", "orchid"]


def question(number: int) -> str:
    """A question that is near no other one."""
    words = (FRESH[number // 8**place % 8] for place in range(3))
    return f"What does {' '.join(words)} number {number} mean?"


def original(number: int, **more: str) -> dict[str, str]:
    return {"prompt": question(number), "completion": f"It is {number}.", **more}


def variant(number: int, which: int, **more: str) -> dict[str, str]:
    said = ("Tell me about", "I wonder what is known of", "Explain in short the matter of")[which]
    return {
        "prompt": f"{said} {question(number).split('does ')[1]}",
        "completion": f"Answer {which}: {number}.",
        **more,
    }


ORIGINALS = [original(n) for n in range(ROWS)]
GROUPED = [original(n, group=f"g{n}") for n in range(ROWS)]
VARIANTS = [variant(n, which, variant_of=question(n)) for n in range(ROWS) for which in range(3)]
IN_GROUPS = [variant(n, which, group=f"g{n}") for n in range(ROWS) for which in range(3)]
BOTH = [
    variant(n, which, group=f"v{n}", variant_of=question(n))
    for n in range(ROWS)
    for which in range(3)
]


def number_of(row: dict[str, Any]) -> int:
    asked: str = row["messages"][0]["content"]
    return int(asked.split("number ")[1].split()[0])


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def families(bench: Bench, kind: str) -> list[set[int]]:
    """Return the families in the row files of this name, a set for each job."""
    return [
        {number_of(row) for row in bench.rows(kind, place)} for place in jobs_on_disk(bench.layout)
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (GROUPED, IN_GROUPS),
        (IN_GROUPS, GROUPED),
        (ORIGINALS, VARIANTS),
        (VARIANTS, ORIGINALS),
        (GROUPED, VARIANTS),
        (VARIANTS, GROUPED),
        (ORIGINALS, BOTH),
        (BOTH, ORIGINALS),
        (GROUPED, BOTH),
        (BOTH, GROUPED),
    ],
    ids=lambda rows: f"{len(rows)}-{'-'.join(sorted(set(rows[0]) - {'prompt', 'completion'}))}",
)
def test_a_family_is_on_one_side_in_two_files_in_either_order(
    bench: Bench, first: list[Any], second: list[Any]
) -> None:
    reports = [bench.take_in(rows) for rows in (first, second)]
    trained, held = families(bench, "train"), families(bench, "holdout")
    assert not (trained[0] | trained[1]) & (held[0] | held[1])
    assert len(held[0]) == 20 and not held[1]
    for place, report, rows in zip(
        jobs_on_disk(bench.layout), reports, (first, second), strict=True
    ):
        lines = [
            row["line"]
            for kind in ("train", "holdout", "rejected")
            for row in bench.rows(kind, place)
        ]
        assert sorted(lines) == list(range(1, len(rows) + 1))
        assert set(codes(report)) <= {"withheld", "exam_row"}


def test_an_exam_has_one_row_of_a_family_and_the_others_are_withheld(bench: Bench) -> None:
    report = bench.take_in([*IN_GROUPS, *GROUPED])
    held = bench.rows("holdout")
    assert len(held) == 20 and len({row["group"] for row in held}) == 20
    assert codes(report) == {"withheld": 60} and report["rows"]["withheld"] == 60
    assert report["families"] == {"held_out": 20, "trained": 0, "exam": 0}
    by_line = {row["line"]: row["group"] for row in held}
    for row in bench.rows("rejected"):
        assert json.loads(row["raw"])["group"] == by_line[row["of"]["line"]]


def test_the_original_is_on_the_exam_before_its_variants(bench: Bench) -> None:
    bench.take_in([*VARIANTS, *ORIGINALS])
    held = bench.rows("holdout")
    assert len(held) == 20 and not any("variant_of" in row for row in held)


def test_a_job_that_is_read_again_keeps_its_sides(bench: Bench) -> None:
    """Another file came in between: what it withheld must not end the exam it was withheld for."""
    bench.take_in(GROUPED)
    first, job = bench.place, bench.place.folder.name
    before = families(bench, "holdout")[0]
    bench.take_in(IN_GROUPS)
    bench.take_in_again(first)
    assert families(bench, "holdout")[0] == before and bench.place.folder.name == job
    assert not families(bench, "train")[0] & before


def test_a_hold_out_file_wins_only_over_families_that_no_job_holds(bench: Bench) -> None:
    bench.take_in(GROUPED)
    held, trained = families(bench, "holdout")[0], families(bench, "train")[0]
    one, other = min(held), min(trained)
    new = original(900, group="new")
    valid = [variant(one, 0, group=f"g{one}"), variant(other, 0, group=f"g{other}"), new]
    rows = [
        variant(900, 0, group="new"),
        variant(901, 0, group="more"),
        variant(other, 1, group=f"g{other}"),
    ]
    report = bench.take_in(rows, holdout=valid)
    assert [row["group"] for row in bench.rows("holdout")] == ["new"]
    assert [row["group"] for row in bench.rows("train")] == ["more", f"g{other}"]
    assert codes(report) == {"withheld": 1}
    refused = (bench.place.folder / "holdout.rejected.jsonl").read_text().splitlines()
    assert [json.loads(line)["code"] for line in refused] == ["withheld", "trained_family"]
    assert "2 row(s) of the hold-out file are variants" in report["warnings"][0]


def test_a_row_that_is_known_still_binds_its_family(bench: Bench) -> None:
    """The original is dropped as a duplicate; its new variants are on its side all the same."""
    bench.take_in(ORIGINALS)
    trained, held = families(bench, "train")[0], families(bench, "holdout")[0]
    bench.seen = bench.exams = ["000001-t"]
    again = [
        row
        for n in range(ROWS)
        for row in (original(n, group=f"g{n}"), variant(n, 0, group=f"g{n}"))
    ]
    report = bench.take_in(again)
    assert families(bench, "train")[1] == trained and not bench.rows("holdout")
    assert codes(report) == {"duplicate_seen": 180, "exam_row": 20, "withheld": 20}
    bench.take_in([variant(n, 1, group=f"g{n}") for n in range(ROWS)])
    assert families(bench, "train")[2] == trained and not held & trained


@pytest.mark.parametrize(("rows", "asked"), [(100, 21), (300, 20)])
def test_a_question_too_frequent_to_be_a_family_is_split_by_row(
    bench: Bench, rows: int, asked: int
) -> None:
    """More than a fifth of a file's rows, or twenty: only the equal row is barred by its exam."""
    frequent = [{"prompt": "Write a poem.", "completion": f"poem {n}"} for n in range(asked)]
    bench.take_in([*frequent, *(original(n) for n in range(rows - asked))])
    held = bench.rows("holdout")
    poems = [row for row in held if row["messages"][0]["content"] == "Write a poem."]
    assert len(held) == round(rows / 10) and 0 < len(poems) < 8
    assert len(bench.rows("train")) == rows - len(held)
    bench.exams = [bench.place.folder.name]
    on_exam = poems[0]["messages"][1]["content"]
    report = bench.take_in(
        [
            {"prompt": "Write a poem.", "completion": on_exam},
            {"prompt": "Write a poem.", "completion": "quite another one"},
            *(pair(n) for n in range(10)),
        ]
    )
    assert codes(report) == {"exam_row": 1}
    trained = [row["messages"][1]["content"] for row in bench.rows("train")]
    assert "quite another one" in trained


def test_shares_and_caps_count_families(tmp_path: Path) -> None:
    """The share is of 200 families, not of their 600 rows."""
    assert Bench(tmp_path / "a").take_in(IN_GROUPS)["families"]["held_out"] == 20
    capped = Bench(tmp_path / "b", "[holdout]\nmax_rows = 7\n")
    assert capped.take_in(IN_GROUPS)["families"]["held_out"] == 7


def test_variant_of_must_be_a_text(bench: Bench) -> None:
    report = bench.take_in(
        [original(1, variant_of=""), {**original(2), "variant_of": 7}, original(3)]
    )
    assert codes(report) == {"bad_variant_of": 2}
