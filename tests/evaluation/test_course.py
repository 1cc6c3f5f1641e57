"""The course of the benchmarks over versions, as table, page, Markdown and picture."""

import io

from daemon.analysis.curves.pictures import draw
from daemon.core.records import from_json_value
from daemon.core.training.manifests import Manifest
from daemon.evaluation.course import course_of
from daemon.evaluation.course_page import chart_of, markdown, page
from daemon.settings_evaluation import GradeSettings
from tests.manifests import manifest_record

PARTS = {
    "metrics": {},
    "by_difficulty": {},
    "failures": {},
    "characters": 3.0,
    "formatting": None,
    "calibration_error": None,
}


def summary(right: int, items: int) -> dict[str, object]:
    main = {"mean": right / items, "count": items}
    return PARTS | {"items": items, "main": main, "right": {"easy": [right, items]}}


def version(number: int, right: int, items: int = 10, sha256: str = "s1") -> Manifest:
    answers = {"lakes": {"candidate": summary(right, items), "v000000": summary(1, items)}}
    evaluations = {"answers": answers, "suites": {"lakes": sha256}}
    name = f"v{number:06d}"
    record = manifest_record() | {"version": name, "evaluations": evaluations}
    return from_json_value(record, Manifest)


def test_the_base_and_every_version_have_a_row_with_their_grade() -> None:
    course = course_of([version(1, 5), version(2, 8)], GradeSettings())
    assert course.columns[3:] == ("lakes", "overall", "grade")
    assert [(row[0], row[3]) for row in course.rows] == [
        ("v000000", "10 % (1/10)"),
        ("v000001", "50 % (5/10)"),
        ("v000002", "80 % (8/10)"),
    ]
    assert course.rows[2][-1].startswith("B (8") and course.notes == []


def test_another_version_or_part_of_a_suite_is_told_and_not_compared() -> None:
    course = course_of([version(1, 5, sha256="s0"), version(2, 8)], GradeSettings())
    assert any("v000001" in note and "lakes" in note for note in course.notes)
    assert not any(note.startswith("v000002") for note in course.notes)


def test_it_is_drawn_by_the_numbers_of_the_versions() -> None:
    course = course_of([version(1, 5), version(2, 8)], GradeSettings())
    chart = chart_of(course)
    assert chart.axis == "version" and chart.series[-1].name == "overall"
    assert list(chart.series[-1].points) == [(0, 10.0), (1, 50.0), (2, 80.0)]
    picture = io.BytesIO()
    draw(chart, "progress", picture)
    assert picture.getvalue().startswith(b"\x89PNG")
    assert "80 % (8/10)" in page(course) and "| v000002 |" in markdown(course)


def test_without_a_measured_suite_there_is_no_course() -> None:
    plain = from_json_value(manifest_record(), Manifest)
    assert course_of([plain], GradeSettings()).points == []
