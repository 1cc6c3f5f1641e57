"""How answers are written, beside the habit of the file: figures, warnings, side by side."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from daemon.core.evaluation.answers import Answer
from daemon.core.evaluation.evaluations import EvaluationRequest, Questions, Subject
from daemon.core.evaluation.reports import ComparisonReport, SuiteResult
from daemon.core.evaluation.targets import target_of
from daemon.evaluation.comparing import SubjectComparison
from daemon.evaluation.comparison_report import headline, markdown, page, target_rows
from daemon.evaluation.scores.formatting import habit_of
from daemon.evaluation.scores.score import ExpectedStyle
from daemon.evaluation.scores.style import style_of
from daemon.evaluation.tracks import track_table
from daemon.evaluation.writing import ExpectedWriting
from daemon.evaluation.writing_report import writing_rows
from daemon.settings import Settings
from tests.core.suite_samples import suite

USUAL = "**Tea** is a drink.\n\n- hot\n- sweet\n\nServe it **now** with a little milk."
TRAINED = [USUAL, f"{USUAL} And more of it.", f"{USUAL} Enjoy."]
WANTED = ExpectedWriting(
    suites={"probes": ExpectedStyle(habit_of(TRAINED, "tea.jsonl"), style_of(TRAINED))}
)
PROBES = suite("probes", "a", "b", "c")
OPEN = replace(PROBES, items=tuple(replace(one, answers=()) for one in PROBES.items))


def paper(*answers: Answer) -> SuiteResult:
    return SuiteResult(answers, None, None, None)


def report_of(
    *subjects: tuple[Subject, Sequence[Answer]], targets: tuple[str, ...] = (), of: Any = OPEN
) -> ComparisonReport:
    wanted = {"formatting": 0.7, "bold": 0.6, "length": [60, 90], "style": 0.5, "grade": "A"}
    request = EvaluationRequest(
        "e000001",
        "2030",
        "title",
        Settings().model_dump(mode="json"),
        {},
        tuple(subject for subject, _ in subjects),
        None,
        tuple(target_of(key, wanted[key]) for key in targets),
    )
    papers = {(0, place): paper(*answers) for place, (_, answers) in enumerate(subjects)}
    return SubjectComparison(request, [Questions(of, of=3)], papers, WANTED).report(
        "finished", "ok"
    )


BASE, TUNED = Subject("base", "base"), Subject("v000002", "version", "v000002")
BAD = [Answer(""), Answer("Tea.", ended=True), Answer("so hot " * 40, 40, ended=False)]


def test_averages_stand_beside_the_habit_of_the_file_and_those_of_the_base() -> None:
    """`evaluate --suite probes` printed a grade from non-repetition, and nothing else."""
    report = report_of((TUNED, [Answer(USUAL)] * 3), (BASE, BAD))
    expected, tuned, base = writing_rows(report)
    assert expected[1] == "expected: tea.jsonl" and expected[-2] == "3.0"
    assert tuned[3:8] == ("72", "100%", "100%", "100%", "3.0") and tuned[-1] == "0"
    assert base[4:8] == ("0%", "0%", "0%", "0.0") and base[-1] == "3"
    (sentence,) = [one for one in headline(report) if one.startswith("probes, v000002")]
    assert sentence.startswith("probes, v000002: 72 characters and 3.0 of 3 on average")
    assert "(expected about 80 and 3.0, as in tea.jsonl)" in sentence


def test_each_weak_answer_has_a_warning_beside_it() -> None:
    report = report_of((BASE, BAD))
    found = [one["answers"]["base"]["warnings"] for one in report["writing"][0]["questions"]]
    assert found[0] == ["empty"]
    assert found[1][0].startswith("too short: 4 characters, usual are 72")
    assert "without bold (100% have it)" in found[1][1]
    assert found[2][0] == "cut off" and found[2][-1].startswith("repeats itself")
    for shown in (markdown(report), page(report)):
        assert "⚠ empty" in shown and "⚠ cut off" in shown
        assert "too short: 4 characters, usual are 72 to" in shown


def test_answers_of_all_subjects_stand_side_by_side() -> None:
    report = report_of((TUNED, [Answer(USUAL)] * 3), (BASE, [Answer("<b>plain</b>")] * 3))
    html, text = page(report), markdown(report)
    assert "Answers side by side, probes: 3 of 3" in html and "<b>plain</b>" not in html
    assert "72 characters, 3 of 3 (bold, list, paragraphs)" in html
    assert "- base (12 characters, 0 of 3 (none)" in text


def test_targets_on_writing_and_grade_succeed_or_fail_with_their_gap() -> None:
    names = ("formatting", "bold", "length", "style", "grade")
    report = report_of((TUNED, [Answer(USUAL)] * 3), (BASE, BAD), targets=names)
    assert report["targets"] is not None
    assert report["targets"]["v000002"]["outcome"] == "success"
    assert report["targets"]["base"]["outcome"] == "failure"
    rows = {row[1]: row[3:] for row in target_rows(report) if row[0] == "base"}
    assert rows["bold ≥ 0.6"] == ("0", "no", "0.6")
    assert rows["length 60 to 90 characters"][1:] == ("no", "4.333")
    assert rows["grade ≥ 90"][1] == "no"


def test_gain_over_the_one_before_and_gap_to_another_model_stand_by_each_figure() -> None:
    """Three ways: the base, before, after, and a model that answered elsewhere."""
    before = Subject("v000001", "version", "v000001")
    other = Subject("big.jsonl", "answers", "big.jsonl")
    right, wrong = [Answer(one.answers[0]) for one in PROBES.items], [Answer("no")] * 3
    report = report_of(
        (BASE, wrong),
        (before, [right[0], *wrong[1:]]),
        (TUNED, [*right[:2], wrong[2]]),
        (other, right),
        of=PROBES,
    )
    names, rows = track_table(report)
    assert names[-2:] == ("gain over v000001", "gap to big.jsonl")
    exact = next(row for row in rows if row[1] == "exact match")
    assert exact[2:] == ("0", "0.3333", "0.6667", "1", "+0.333", "+0.333")
    pairs = {(t["subject"], t["against"]) for t in report["tests"] if t["suite"] == "probes"}
    assert len(pairs) == 6


def test_failures_are_counted_by_kind_for_each_subject_with_examples() -> None:
    right = [Answer(one.answers[0]) for one in PROBES.items]
    wrong = [Answer(""), Answer("nothing like it"), Answer("b", 40, ended=False)]
    report = report_of((BASE, wrong), (TUNED, [right[0], *wrong[1:]]), of=PROBES)
    kinds = {one["kind"]: one["subjects"] for one in report["failures"]}
    assert kinds["empty"] == {"base": 1, "v000002": 0}
    assert kinds["no_word_right"]["v000002"] == 2 and kinds["cut_off"]["base"] == 1
    (empty,) = [one for one in report["failures"] if one["kind"] == "empty"]
    assert empty["examples"][0]["answers"] == {"base": "", "v000002": "a"}
    assert "Failures: no word right, probes" in markdown(report)
    assert "Failures: no word right, probes" in page(report)
