"""What a file that answers an earlier one's questions anew does to it (docs/protocol.md, R53).

The same questions with the new price were `nothing_new`: a corrected file was never trained.
"""

from pathlib import Path
from typing import Any

import pytest

from tests.intake.bench import Bench, codes

TOPICS = (
    "opening hours",
    "a late return",
    "the reading room",
    "bicycles",
    "printing",
    "lost property",
    "a study room",
    "renewing a loan",
    "the corner for children",
    "the copier",
    "old newspapers",
    "the lift",
    "group visits",
    "a lost card",
    "the garden",
    "lockers",
    "maps",
    "music",
    "the bar",
    "the archive",
    "films",
    "the roof",
    "heating",
    "the cellar",
    "evening lectures",
)


def file_of(first: int, said: str = "this costs {} euros since the first of January") -> list[Any]:
    return [
        {
            "prompt": f"What should one know about {topic}?",
            "completion": f"About {topic}: {said.format(n + first)}, please ask at the front desk.",
        }
        for n, topic in enumerate(TOPICS)
    ]


OTHER_WORDS = "whoever wants that pays {} euros, and a form lies ready on the ground floor"


def asks(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(row["messages"][0]["content"] for row in rows)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.mark.parametrize("trained", [True, False])
def test_a_corrected_file_is_trained_and_its_exam_rows_stand_on_its_own_exam(
    bench: Bench, trained: bool
) -> None:
    bench.take_in(file_of(1))
    first, exam = bench.place, asks(bench.rows("holdout"))
    before = {path.name: path.read_bytes() for path in first.folder.iterdir()}
    bench.seen = [first.folder.name] if trained else []
    bench.exams = [first.folder.name]
    report = bench.take_in(file_of(5))
    assert codes(report) == {} and asks(bench.rows("holdout")) == exam
    assert len(bench.rows("train")) == len(TOPICS) - len(exam)
    for row in bench.rows("holdout"):
        assert row["corrects"]["job"] == first.folder.name
        assert row["line"] == row["corrects"]["line"] and row["half"] == "judge"
    assert {path.name: path.read_bytes() for path in first.folder.iterdir()} == before


def test_the_report_warns_of_a_file_that_contradicts_much_of_an_earlier_one(bench: Bench) -> None:
    bench.take_in(file_of(1))
    bench.seen = bench.exams = [bench.place.folder.name]
    report = bench.take_in(file_of(5))["corrections"]
    assert report["trained"] + report["held_out"] == 25 and len(report["examples"]) == 5
    assert report["by_job"] == {"000001-t": 25}
    assert report["alert"].startswith("000002-t answers 25 questions of 000001-t otherwise")
    assert report["alert"].count("->") == 5 and "finetuned rollback" in report["alert"]
    assert bench.take_in(file_of(9)[:9])["corrections"]["alert"] == ""


@pytest.mark.parametrize(
    ("policy", "left", "reasons"),
    [("keep", 23, {"exam_row": 2}), ("refuse", 0, {"exam_row": 2, "conflict": 23})],
)
def test_the_setting_says_what_becomes_of_corrections(
    tmp_path: Path, policy: str, left: int, reasons: dict[str, int]
) -> None:
    bench = Bench(tmp_path, f'[dedup]\ncorrections = "{policy}"\n')
    bench.take_in(file_of(1))
    bench.seen = bench.exams = [bench.place.folder.name]
    report = bench.take_in(file_of(5))
    assert report["rows"]["train"] == left and codes(report) == reasons


def test_an_answer_in_other_words_corrects_too_and_a_like_one_is_seen(bench: Bench) -> None:
    bench.take_in(file_of(1))
    bench.seen = bench.exams = [bench.place.folder.name]
    assert codes(bench.take_in(file_of(1, OTHER_WORDS))) == {}
    nearly = [{**row, "completion": row["completion"] + " So."} for row in file_of(1)]
    report = bench.take_in(nearly)
    assert codes(report) == {"duplicate_seen": 23, "exam_row": 2}


def test_an_old_answer_that_comes_again_is_a_correction_like_any_other(bench: Bench) -> None:
    bench.take_in(file_of(1))
    jobs = [bench.place.folder.name]
    for first in (5, 1, 5):
        bench.seen = bench.exams = list(jobs)
        report = bench.take_in(file_of(first))
        assert codes(report) == {} and report["rows"]["train"] == 23, first
        jobs.append(bench.place.folder.name)
    bench.seen = bench.exams = list(jobs)
    assert codes(bench.take_in(file_of(5))) == {"duplicate_seen": 23, "exam_row": 2}


def test_a_lineage_without_the_correcting_file_has_the_old_answers_again(bench: Bench) -> None:
    """Nothing is stored of what is superseded: a rollback brings the old rows back."""
    bench.take_in(file_of(1))
    first = bench.place.folder.name
    bench.seen = bench.exams = [first]
    bench.take_in(file_of(5))
    second = bench.place.folder.name
    bench.exams = [first, second]
    report = bench.take_in(file_of(5))
    assert codes(report) == {} and report["rows"]["holdout"] == 2
    report = bench.take_in(file_of(1))
    assert codes(report) == {"duplicate_seen": 23, "exam_row": 2}


def test_where_several_answers_are_live_none_is_superseded(bench: Bench) -> None:
    bench.take_in([*file_of(1), *file_of(5)])
    bench.seen = bench.exams = [bench.place.folder.name]
    report = bench.take_in(file_of(9))
    assert report["corrections"]["trained"] == report["corrections"]["held_out"] == 0
    bench.seen = bench.exams = []
    bench.take_in(file_of(1))
    bench.seen = bench.exams = [bench.place.folder.name]
    report = bench.take_in([*file_of(5), *file_of(9)])
    assert report["corrections"]["trained"] == report["corrections"]["held_out"] == 0


def test_a_file_that_has_the_old_answer_too_corrects_nothing(bench: Bench) -> None:
    """A longer export with two answers on purpose is not the correction of its first half."""
    bench.take_in(file_of(1))
    bench.seen = bench.exams = [bench.place.folder.name]
    report = bench.take_in([*file_of(1), *file_of(5)])
    assert report["corrections"]["trained"] == report["corrections"]["held_out"] == 0
    assert codes(report) == {"duplicate_seen": 23, "exam_row": 4}
    assert report["rows"]["train"] == 23


def test_a_question_in_other_words_corrects_nothing(bench: Bench) -> None:
    bench.take_in(file_of(1))
    bench.seen = [bench.place.folder.name]
    polite = [{**row, "prompt": f"Please, {row['prompt']}"} for row in file_of(5)]
    report = bench.take_in(polite)
    assert report["corrections"]["trained"] == 0 and report["rows"]["train"] > 0
    assert report["duplicates"]["conflicts"]["count"] > 0


def test_a_file_that_only_corrects_an_exam_is_told_to_come_with_rows_to_train(bench: Bench) -> None:
    bench.take_in(file_of(1))
    bench.seen = bench.exams = [bench.place.folder.name]
    held = {row["line"] for row in bench.rows("holdout")}
    report = bench.take_in([row for line, row in enumerate(file_of(5), 1) if line in held])
    assert report["verdict"] == "nothing_new" and "rows to train" in report["message"]
