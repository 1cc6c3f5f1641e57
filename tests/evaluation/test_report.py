"""What a judgement found, for people and programs."""

import json
from html import unescape
from html.parser import HTMLParser
from typing import Any

import pytest

from daemon.core.decisions.promotion import Gate, Verdict, decide_verdict
from daemon.core.decisions.unused import ways_to_go_on
from daemon.core.training.judgement import Judgement
from daemon.evaluation.candidate_scores import comparisons
from daemon.evaluation.report import markdown, report_of
from daemon.evaluation.report_page import render
from daemon.evaluation.scores.score import ExpectedStyle
from daemon.evaluation.scores.style import style_of
from daemon.evaluation.scoring_session import Exam
from daemon.evaluation.writing import ExpectedWriting
from daemon.settings_evaluation import GradeSettings
from tests.evaluation.test_candidate_scores import EXAM, marks_of, question

HOSTILE = "<script>alert(1)</script> ``` | ![x](http://a.example/x) \x1b[2J"


def report(exam: Exam = EXAM) -> Any:
    marks = marks_of(exam)
    tests = comparisons(marks, exam, ["v000002"])
    verdict = decide_verdict(Judgement(True, True, tuple(tests)), Gate(0.05, 0.01, 0.02, "promote"))
    about = {"title": f"r000001: {HOSTILE}", "run": "r000001"}
    return report_of(marks, exam, ExpectedWriting(), tests, verdict, GradeSettings(), about)


def test_it_tells_verdict_scores_tests_and_what_changed() -> None:
    found = report()
    assert json.loads(json.dumps(found, allow_nan=False))["verdict"]["kind"] == "promote"
    assert found["models"] == ["candidate", "v000002", "v000000"]
    assert found["losses"][0]["perplexity"]["candidate"] == 2.718281828459045
    assert found["answers"]["own_holdout"]["metric"] == "exact_match"
    assert found["grades"]["candidate"]["letter"] in "ABC"
    assert (len(found["changed"]["to_right"]), found["changed"]["to_wrong"]) == (9, [])


def test_answers_that_were_right_and_are_no_longer_are_named() -> None:
    exam = Exam({}, [question(1, "start"), question(2, "candidate"), question(3, "neither")], 9.0)
    changed = report(exam)["changed"]
    assert [item["id"] for item in changed["to_wrong"]] == ["i1"]
    assert [item["id"] for item in changed["to_right"]] == ["i2"]


def test_the_style_is_held_against_that_of_the_base() -> None:
    """The base says what the style is of; the starting version and the candidate do not."""
    wanted = ExpectedWriting(jobs={"job": ExpectedStyle(style=style_of(["None whatsoever"]))})
    marks, verdict = marks_of(wanted=wanted), Verdict("unproven", True, ())
    found = report_of(marks, EXAM, wanted, [], verdict, GradeSettings(), {})
    gain = found["answers"]["own_holdout"]["style_gain"]
    assert gain is not None and gain < -0.1


@pytest.mark.parametrize("outcome", ["better", "worse", "no difference"])
def test_the_page_of_an_audit_has_its_outcome_as_headline(outcome: str) -> None:
    """Fault: it knew verdicts alone, and the trainer died of each audit's report."""
    found = report()
    found["verdict"] = {"kind": outcome, "promotes": False, "reasons": []}
    assert f"<title>{outcome.capitalize()}: " in render(found)


def test_as_markdown_foreign_text_is_code() -> None:
    exam = Exam({}, [question(1, "candidate"), question(2, f"start {HOSTILE}")], 9.0)
    page = markdown(report(exam))
    assert "## From wrong to right: 1" in page and "\x1b" not in page
    assert "| this run's held-out rows | 2 | exact match |" in page


def test_what_was_forgotten_of_each_earlier_file_is_a_table() -> None:
    risen = {
        "name": "000001-a",
        "against": "v000003",
        "items": 20,
        "rise": 0.2,
        "gained": 1.5,
        "tolerated": 0.15,
        "p_worse": 1e-4,
    }
    found = report() | {"forgetting": [risen]}
    row = "| 000001-a | v000003 | 20 | +0.2000 | 0.1500 | 1.5 | 0.0001 |"
    assert "## Earlier files" in markdown(found) and row in markdown(found)
    assert "Earlier files" in render(found) and "+0.2000" in render(found)
    # Reports of releases that did not measure it have no such table.
    assert "Earlier files" not in markdown(report()) + render(report())


def test_the_report_of_a_refused_version_says_what_can_be_done() -> None:
    """It ended with the reason."""
    found = report() | {"ways_on": ways_to_go_on()}
    for page in (markdown(found), unescape(render(found))):
        assert "It is not used: use it anyway with 'finetuned promote V'" in page
        assert "retrain" in page and "finetuned lineage new" in page
    assert "It is not used" not in markdown(report()) + render(report())


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)


def test_as_a_page_foreign_text_is_text() -> None:
    exam = Exam({}, [question(1, "candidate"), question(2, "x")], 9.0)
    tags = Tags()
    tags.feed(render(report(exam)))
    assert "table" in tags.seen and "script" not in tags.seen and "img" not in tags.seen


def test_a_report_leads_with_the_verdict_and_what_changed() -> None:
    for page, titles in (
        (render(report()), ("verdict accepted", "What changed", "From wrong", "Scores", "Tests")),
        (markdown(report()), ("**promote**", "## What changed", "## From wrong", "## Scores")),
    ):
        places = [page.index(title) for title in titles]
        assert places == sorted(places)
        moved = "9 of 9 with this version; 9 from wrong to right and 0 from right to wrong"
        assert f"Right answers: 0 of 9 with v000002, {moved}" in page
        assert "(12 rows): 1.5 with v000002, 1 with this version, in nats per token" in page


def test_a_report_says_what_a_grade_means_beside_a_verdict() -> None:
    assert "a promoted version may have an F" in markdown(report())
    ungraded = report() | {"grades": dict.fromkeys(report()["models"])}
    assert "may have an F" not in markdown(ungraded) + render(ungraded)


def test_people_read_what_a_set_is_and_programs_its_name() -> None:
    page, found = render(report()), report()
    assert "own_holdout" not in page and "this run&#39;s held-out rows" in page
    assert found["losses"][0]["set"] == "own_holdout"


def test_a_report_of_a_release_that_did_not_count_right_answers_is_still_shown() -> None:
    found = report()
    for answered in found["answers"].values():
        for figures in answered["models"].values():
            del figures["right"]
    assert "Right answers:" not in markdown(found) and "## What changed" in markdown(found)
