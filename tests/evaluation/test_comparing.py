"""Subjects side by side: figures, winners only where they are proven, and hostile texts."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from typing import Any

from daemon.core.evaluation.answers import Answer
from daemon.core.evaluation.evaluations import EvaluationRequest, Questions, Subject
from daemon.core.evaluation.reports import SuiteResult
from daemon.core.evaluation.targets import Target, target_of
from daemon.core.records import from_json_value
from daemon.evaluation.comparing import SubjectComparison
from daemon.evaluation.comparison_report import (
    NO_WINNER,
    loss_rows,
    markdown,
    page,
    score_rows,
    subject_rows,
    target_rows,
)
from daemon.evaluation.comparison_report import (
    test_rows as rows_of_tests,
)
from daemon.evaluation.writing import ExpectedWriting
from daemon.settings import Settings
from tests.core.suite_samples import suite
from tests.evaluation.test_report import HOSTILE, Tags

IDS = tuple(f"item{number}" for number in range(20))
LAKES, SEAS = suite("lakes", *IDS), suite("seas", *IDS)
MEASURED = {"answers": 20, "remembered": 0, "tokens": 100, "seconds": 4.0, "peak_bytes": 2**20}


def paper(right: Sequence[bool | None], **about: Any) -> SuiteResult:
    answers = [
        None if one is None else asdict(Answer(IDS[number] if one else "other", 5, 0.5))
        for number, one in enumerate(right)
    ]
    result = {"answers": answers, "losses": None, "measured": MEASURED, "failed": None} | about
    return from_json_value(json.loads(json.dumps(result)), SuiteResult)


def compared(
    papers: dict[tuple[int, int], SuiteResult],
    *names: str,
    targets: tuple[Target, ...] = (),
    suites: int = 1,
    writing: ExpectedWriting | None = None,
) -> SubjectComparison:
    subjects = tuple(Subject(name, "version", name) for name in names)
    request = EvaluationRequest(
        "e000001", "2030", "title", Settings().model_dump(mode="json"), {}, subjects, None, targets
    )
    asked = [Questions(one, of=40) for one in (LAKES, SEAS)[:suites]]
    return SubjectComparison(request, asked, papers, writing or NO_HABITS)


NO_HABITS = ExpectedWriting()
HALF = [number % 2 == 0 for number in range(20)]
ALL = [True] * 20


def test_one_that_is_right_where_the_other_is_not_wins() -> None:
    report = compared({(0, 0): paper(HALF), (0, 1): paper(ALL)}, "a", "b").report("finished", "ok")
    assert report["winner"] == "b"
    (_, together) = report["tests"]
    assert together["change"] == 0.5 and 0.0 < together["low"] < 0.5 < together["high"] < 1.0
    assert together["p"] == 2 * 0.5**10
    assert "b is better than a" in report["findings"][0]
    assert [item["id"] for item in report["changed"]["b"]["to_right"]] == list(IDS[1::2])
    assert report["changed"]["b"]["to_wrong"] == []
    assert json.loads(json.dumps(report, allow_nan=False))["winner"] == "b"


def test_the_first_one_wins_too() -> None:
    report = compared({(0, 0): paper(ALL), (0, 1): paper(HALF)}, "a", "b").report("finished", "ok")
    assert report["winner"] == "a" and "a is better than b" in report["findings"][0]


def test_without_proof_there_is_no_winner() -> None:
    almost = [number != 3 for number in range(20)]
    report = compared({(0, 0): paper(almost), (0, 1): paper(ALL)}, "a", "b").report("finished", "")
    assert report["winner"] is None
    assert rows_of_tests(report)[0][-1] == NO_WINNER
    assert "no significant difference between b and a" in report["findings"][0]


def test_two_that_both_beat_the_first_are_no_single_winner() -> None:
    papers = {(0, 0): paper([False] * 20), (0, 1): paper(ALL), (0, 2): paper(ALL)}
    report = compared(papers, "a", "b", "c").report("finished", "")
    assert report["winner"] is None and len(report["findings"]) == 3
    assert [(test["subject"], test["against"]) for test in report["tests"]] == [
        *[("b", "a"), ("c", "a"), ("c", "b")],
        *[("b", "a"), ("c", "a"), ("c", "b")],
    ]
    assert "no subject is proven best of all" in markdown(report)


def test_the_winner_of_three_has_beaten_each_of_the_others() -> None:
    """The only one that beat the first was called the best, though it never met the third."""
    few = [number < 4 for number in range(20)]
    near = [number < 7 for number in range(20)]
    papers = {(0, 0): paper([False] * 20), (0, 1): paper(few), (0, 2): paper(near)}
    report = compared(papers, "a", "b", "c").report("finished", "")
    together = {(t["subject"], t["against"]): t["winner"] for t in report["tests"][3:]}
    assert together == {("b", "a"): None, ("c", "a"): "c", ("c", "b"): None}
    assert report["winner"] is None and "no subject is proven best of all" in markdown(report)
    papers[0, 2] = paper(ALL)
    assert compared(papers, "a", "b", "c").report("finished", "")["winner"] == "c"
    # In whatever order they are named.
    papers = {(0, 0): paper(few), (0, 1): paper(ALL), (0, 2): paper([False] * 20)}
    assert compared(papers, "b", "c", "a").report("finished", "")["winner"] == "c"


def test_one_that_was_never_measured_leaves_no_winner_of_all() -> None:
    failed = paper([None] * 20, measured=None, failed="the version cannot be used")
    papers = {(0, 0): paper([False] * 20), (0, 1): paper(ALL), (0, 2): failed}
    assert compared(papers, "a", "b", "c").report("finished", "")["winner"] is None


def test_a_p_below_the_level_that_is_no_proof_says_what_was_asked_for() -> None:
    """The report said "no significant difference" beside p = 0.031 and a level of 0.05."""
    six = [number >= 6 for number in range(20)]
    five = [number >= 5 for number in range(20)]
    papers = {(0, 0): paper(six), (0, 1): paper(ALL), (0, 2): paper(five)}
    report = compared(papers, "a", "b", "c").report("finished", "")
    (finding, *_) = report["findings"]
    assert "no significant difference between b and a" in finding
    assert finding.endswith("p = 0.031; 2 tests together require p < 0.025")
    assert rows_of_tests(report)[3][-1] == f"{NO_WINNER}: 2 tests together require p < 0.025"


def test_items_of_one_group_are_tested_and_drawn_as_one() -> None:
    """Variants of one question counted as independent: ten of them alone were called a proof."""
    groups = replace(
        LAKES, items=tuple(replace(i, group=str(n // 10)) for n, i in enumerate(LAKES.items))
    )
    plain = compared({(0, 0): paper(HALF), (0, 1): paper(ALL)}, "a", "b")
    request, papers = plain._request, {(0, 0): paper(HALF), (0, 1): paper(ALL)}
    grouped = SubjectComparison(request, [Questions(groups, of=40)], papers, NO_HABITS).report(
        "finished", ""
    )
    test = grouped["tests"][1]
    assert (test["items"], test["families"], test["p"], test["winner"]) == (20, 2, 0.5, None)
    assert rows_of_tests(grouped)[0][4] == "20 in 2 families"
    assert plain.report("finished", "")["tests"][1]["winner"] == "b"


def test_more_suites_need_more_proof() -> None:
    some = [number >= 6 for number in range(20)]
    one = compared({(0, 0): paper(some), (0, 1): paper(ALL)}, "a", "b").report("finished", "")
    assert one["tests"][0]["winner"] == "b" and one["tests"][0]["p"] == 2 * 0.5**6
    papers = {
        (0, 0): paper(some),
        (0, 1): paper(ALL),
        (1, 0): paper(HALF),
        (1, 1): paper([*HALF[:10], *[not right for right in HALF[10:]]]),
    }
    two = compared(papers, "a", "b", suites=2).report("finished", "")
    first, second, _ = two["tests"]
    assert first["winner"] == "b" and second["winner"] is None
    assert first["high"] - first["low"] > one["tests"][0]["high"] - one["tests"][0]["low"]


def test_questions_without_an_answer_count_in_no_figure_and_are_told() -> None:
    few = [True, True, None, *[None] * 17]
    report = compared({(0, 0): paper(HALF), (0, 1): paper(few, measured=None)}, "a", "b").report(
        "finished", ""
    )
    rows = {row[1]: row for row in score_rows(report) if row[0] == "lakes"}
    assert rows["b"][5] == "2 of 2" and rows["a"][5] == "10 of 20"
    assert report["tests"][0]["items"] == 2
    assert "without an answer, not counted: 18" in subject_rows(report)[1][-1]


def test_a_subject_that_failed_is_told_and_the_others_are_scored() -> None:
    failed = paper([None] * 20, measured=None, failed="the version cannot be used")
    report = compared({(0, 0): paper(HALF), (0, 1): failed}, "a", "b").report("finished", "")
    assert report["overall"]["b"] is None and report["tests"] == []
    assert "cannot be used" in subject_rows(report)[1][-1] and report["winner"] is None


def test_speed_is_told_only_where_it_was_measured() -> None:
    old = MEASURED | {"answers": 0, "remembered": 20, "tokens": 0, "seconds": 0.0}
    report = compared({(0, 0): paper(HALF), (0, 1): paper(HALF, measured=old)}, "a", "b").report(
        "finished", ""
    )
    first, second = subject_rows(report)
    assert first[3:5] == ("25.0", "1 MiB")
    assert second[3:5] == ("not measured", "") and "from the cache" in second[-1]


def test_right_answers_are_counted_by_difficulty() -> None:
    report = compared({(0, 0): paper(HALF)}, "a").report("finished", "")
    assert report["suites"][0]["models"]["a"]["right_by_difficulty"] == {"medium": [10, 20]}
    assert score_rows(report)[0][2:] == (
        "20 of 40",
        "exact match",
        "0.5",
        "10 of 20",
        "",
        "10 of 20",
        "",
    )


def test_targets_are_checked_for_everyone() -> None:
    targets = (target_of("lakes.main", 0.75), target_of("*.repetition", 0.5))
    report = compared({(0, 0): paper(HALF), (0, 1): paper(ALL)}, "a", "b", targets=targets).report(
        "finished", ""
    )
    assert report["targets"] is not None
    assert report["targets"]["a"]["outcome"] == "partial"
    assert report["targets"]["b"]["outcome"] == "success"
    assert target_rows(report)[0] == ("a", "lakes.main ≥ 0.75", "lakes", "0.5", "no", "0.25")
    assert "finetuned promote b" in markdown(report) and "finetuned promote b" in page(report)


def test_foreign_texts_are_shown_as_texts() -> None:
    plain = paper(ALL)
    hostile = replace(plain, answers=[plain.answers[0], Answer(HOSTILE), *plain.answers[2:]])
    report = compared({(0, 0): paper(ALL), (0, 1): hostile}, "a", HOSTILE).report("finished", "")
    assert len(report["changed"][HOSTILE]["to_wrong"]) == 1
    shown, html = markdown(report), page(report)
    assert "\x1b" not in shown and "\x1b" not in html
    assert "script" not in _tags(html) and "img" not in _tags(html)
    for line in shown.splitlines():
        outside = re.sub(r"(`+) .*? \1(?!`)", "", line)
        assert "<script" not in outside.replace("\\<", ""), line


def _tags(html: str) -> list[str]:
    tags = Tags()
    tags.feed(html)
    return tags.seen


def test_details_hold_every_answer_with_its_scores() -> None:
    papers = {(0, 0): paper(HALF), (0, 1): paper([None, *ALL[1:]])}
    lines: Iterable[Any] = compared(papers, "a", "b").details()
    first, second, *_ = lines
    assert first["answers"]["a"]["scores"]["exact_match"] == 1.0 and first["answers"]["b"] is None
    assert second["answers"]["a"]["scores"]["exact_match"] == 0.0


ROWS = [[2.0 + number % 5, 1 + number % 3] for number in range(20)]
LOWER = [[total * 0.5, tokens] for total, tokens in ROWS]


def test_the_one_with_lower_losses_on_the_golden_answers_wins_there_only() -> None:
    papers = {(0, 0): paper(HALF, losses=ROWS), (0, 1): paper(HALF, losses=LOWER)}
    report: Any = compared(papers, "a", "b").report("finished", "")
    assert report["winner"] is None and report["tests"][0]["winner"] is None
    first, second, *together = report["losses"]
    assert first["test"] is None and first["perplexity"] > second["perplexity"]
    assert second["test"]["winner"] == "b" and second["test"]["high"] < 0.0
    assert second["test"]["change"] == second["loss"] - first["loss"]
    assert [one["suite"] for one in together] == ["all", "all"]
    row = loss_rows(report)[1]
    assert row[:3] == ("lakes", "b", "20") and row[-1] == "b"
    assert "## Losses" in markdown(report) and "Losses" in page(report)


def test_a_file_of_answers_has_no_losses_and_says_so() -> None:
    papers = {(0, 0): paper(HALF), (0, 1): paper(HALF, losses=LOWER)}
    report = compared(papers, "a", "b").report("finished", "")
    assert [(one["subject"], one["test"]) for one in report["losses"]] == [("b", None)] * 2
    report["subjects"][0]["kind"] = "answers"
    assert "a file of answers has no losses" in subject_rows(report)[0][-1]


def test_golden_answers_without_a_loss_are_counted() -> None:
    part = [*ROWS[:15], *[None] * 5]
    papers = {(0, 0): paper(HALF, losses=ROWS), (0, 1): paper(HALF, losses=part)}
    report: Any = compared(papers, "a", "b").report("finished", "")
    assert [one["items"] for one in report["losses"]] == [20, 15, 20, 15]
    assert report["losses"][1]["test"]["items"] == 15
    assert "5 golden answers have no loss" in subject_rows(report)[1][-1]


def test_where_items_and_their_mean_point_apart_nobody_has_won() -> None:
    """One long answer got worse by more than all the short ones got better."""
    after = [[total - 0.1, tokens] for total, tokens in ROWS[:-1]] + [[900.0, 100]]
    before = [*ROWS[:-1], [100.0, 100]]
    papers = {(0, 0): paper(HALF, losses=before), (0, 1): paper(HALF, losses=after)}
    test = compared(papers, "a", "b").report("finished", "")["losses"][1]["test"]
    assert test is not None
    assert test["p"] < 0.05 and test["change"] > 0.0 and test["winner"] is None
