"""One answer's score, the summary of many, and the grade."""

import pytest
from pydantic import ValidationError

from daemon.core.evaluation.right_answers import MAIN
from daemon.core.evaluation.suites import Difficulty, ScorerName, SuiteItem
from daemon.core.records import to_json_value
from daemon.core.rows.examples import Turn
from daemon.core.training.evaluations import Mean
from daemon.evaluation.scores.formatting import habit_of
from daemon.evaluation.scores.grade import grade, letter_of, parts_of, parts_shown, shown
from daemon.evaluation.scores.score import ExpectedStyle, Score, score_answer, summarise
from daemon.evaluation.scores.style import style_of
from daemon.settings_evaluation import GradeSettings

CALL = '{"name": "f", "arguments": {"x": 1}}'


def item(*answers: str, difficulty: Difficulty = "easy") -> SuiteItem:
    return SuiteItem("1", 2, (Turn("user", "?"),), answers, (), difficulty)


@pytest.mark.parametrize(
    ("scorer", "golden", "answer", "main"),
    [
        ("exact", "Paris", "paris.", 1.0),
        ("exact", "Paris", "It is Paris", 0.0),
        ("overlap", "Paris", "It is Paris", 0.5),
        ("fields", '{"a": 1, "b": 2}', '{"a": 1}', 2 / 3),
        ("fields", '{"a": 1}', '```json\n{"a": 1}\n```', 0.0),
        ("calls", CALL, CALL, 1.0),
        ("calls", CALL, f"```\n{CALL}\n```", 0.0),
    ],
)
def test_each_scorer_has_its_main_metric(
    scorer: ScorerName, golden: str, answer: str, main: float
) -> None:
    score = score_answer(scorer, item(golden), answer)
    assert score.main == pytest.approx(main) == score.metrics[MAIN[scorer]]
    assert all(0.0 <= value <= 1.0 for value in score.metrics.values())


def test_the_best_of_several_golden_answers_counts() -> None:
    assert score_answer("exact", item("eight", "8"), "8").main == 1.0
    score = score_answer("calls", item('{"name": "g", "arguments": {}}', CALL), CALL)
    assert score.main == 1.0 and score.failures == ()
    score = score_answer("fields", item('{"a": 1, "b": 1}', '{"a": 1}'), '{"a": 1}')
    assert score.main == 1.0


def test_without_a_golden_answer_only_the_writing_counts() -> None:
    wanted = ExpectedStyle(habit_of(["**yes**, sir"]), style_of(["**yes**, sir"]))
    score = score_answer("exact", item(), "**yes**, madam", wanted)
    assert score.main is None and set(score.metrics) == {"repetition", "length", "style"}
    assert score.traits == {"bold"}
    summary = summarise([score])
    assert summary.main is None and summary.formatting == 1.0
    assert set(parts_of([summary])) == {"length", "formatting", "style", "variety"}


def test_a_summary_counts_by_difficulty_and_failure_and_can_be_stored() -> None:
    scores = [
        score_answer("calls", item(CALL, difficulty="easy"), CALL, confidence=0.9),
        score_answer("calls", item(CALL, difficulty="hard"), "no", confidence=0.4),
        score_answer("calls", item(CALL, difficulty="hard"), f"```\n{CALL}\n```", confidence=0.4),
    ]
    summary = summarise(scores)
    assert summary.items == 3 and summary.main is not None
    assert summary.main.mean == pytest.approx(1 / 3) and summary.main.count == 3
    assert {name: mean.count for name, mean in summary.by_difficulty.items()} == {
        "easy": 1,
        "hard": 2,
    }
    assert summary.by_difficulty["easy"].mean == 1.0 and summary.by_difficulty["hard"].mean == 0.0
    assert summary.failures == {"markdown_wrapper": 1, "not_parsable": 1}
    assert summary.metrics["argument_f1"].mean == pytest.approx(2 / 3)
    assert summary.calibration_error == pytest.approx((0.1 + 0.8) / 3)
    assert to_json_value(summary)["main"] == {"mean": 1 / 3, "count": 3}


def test_a_summary_of_nothing_is_empty_and_earns_no_grade() -> None:
    summary = summarise([])
    assert summary.items == 0 and summary.main is None and summary.metrics == {}
    assert grade(parts_of([summary]), GradeSettings()) is None


def test_the_grade_weighs_what_was_measured_and_names_what_was_not() -> None:
    settings = GradeSettings(
        accuracy_weight=3.0,
        accuracy_target=0.5,
        variety_weight=1.0,
        variety_target=1.0,
        overlap_weight=0.0,
    )
    found = grade(
        {"accuracy": Mean(0.4, 30), "variety": Mean(1.0, 40), "overlap": Mean(0.0, 7)}, settings
    )
    assert found is not None
    assert found.parts["accuracy"] == pytest.approx(80.0)
    assert found.overall == pytest.approx((3 * 80 + 100) / 4) and found.letter == "B"
    assert found.left_out == ("length", "formatting", "style", "calibration")
    assert found.items == {"accuracy": 30, "overlap": 7, "variety": 40}
    best = grade({"accuracy": Mean(1.0, 1)}, settings)
    assert best is not None and (best.overall, best.letter) == (100.0, "A")


def test_every_suite_counts_alike_in_a_part() -> None:
    big = summarise([Score(str(n), "easy", "x", 1.0, {"token_f1": 1.0}) for n in range(9)])
    small = summarise([Score("1", "easy", "x", 0.0, {})])
    assert parts_of([big, small]) == {"accuracy": Mean(0.5, 10), "overlap": Mean(1.0, 9)}


def test_a_grade_names_the_answers_of_each_part_and_never_rests_on_variety_alone() -> None:
    """A model that had answered nothing of note got an A for not repeating itself."""
    silent = summarise([Score("1", "easy", "", None, {"repetition": 0.0})])
    assert set(parts_of([silent])) == {"variety"}
    assert grade(parts_of([silent]), GradeSettings()) is None
    found = grade({"length": Mean(0.9, 12), "variety": Mean(0.95, 15)}, GradeSettings())
    assert found is not None and found.letter == "A"
    assert parts_shown(to_json_value(found)).startswith("length 100 on 12 answers, variety 100 on")
    assert "not measured: accuracy" in parts_shown(to_json_value(found))


def test_each_files_answers_are_held_against_its_own_habit() -> None:
    """Of two files, one bold and one plain, both kept to: one habit for all called that half."""
    bold, plain = ["**a** word"] * 4, ["a word"] * 4
    scores = [
        score_answer("exact", item(), text, ExpectedStyle(habit_of(of, name)))
        for name, of in (("bold", bold), ("plain", plain))
        for text in of
    ]
    summary = summarise(scores)
    assert summary.formatting == 1.0 and summary.formatted == 8
    assert summary.traits["bold"] == 0.5


@pytest.mark.parametrize(
    ("overall", "letter"),
    [(100.0, "A"), (90.0, "A"), (89.99, "B"), (70.0, "C"), (60.0, "D"), (59.9, "F"), (0.0, "F")],
)
def test_letters_begin_at_whole_tens(overall: float, letter: str) -> None:
    assert letter_of(overall) == letter


def test_weights_that_are_all_0_are_refused() -> None:
    nothing = {name: 0.0 for name in GradeSettings.model_fields if name.endswith("_weight")}
    with pytest.raises(ValidationError, match="every weight is 0"):
        GradeSettings(**nothing)


def test_a_grade_shows_no_figure_that_would_earn_a_better_letter() -> None:
    assert shown({"letter": "F", "overall": 59.6, "parts": {}, "left_out": ()}) == "F (59)"
    assert shown({"letter": "D", "overall": 60.0, "parts": {}, "left_out": ()}) == "D (60)"
