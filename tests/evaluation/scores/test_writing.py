"""How answers are written: calibration, repetition, formatting and style."""

import json
import random
import re
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binned_statistic

from daemon.core.records import from_json_value, to_json_value
from daemon.evaluation.scores.calibration import BINS, expected_calibration_error
from daemon.evaluation.scores.formatting import Habit, compliance, habit_of, length_fit, traits_of
from daemon.evaluation.scores.overlap import words_of
from daemon.evaluation.scores.repetition import distinct, repetition
from daemon.evaluation.scores.style import MOST_TRIGRAMS, Style, style_of
from tests.evaluation.scores.texts import text

RECORDED = Path(__file__).parent / "recorded" / "style.jsonl"


def test_calibration_error_is_that_of_binned_means() -> None:
    """scipy's bins are closed on the left: confidences lie within bins, but for 0 and 1."""
    draw = np.random.default_rng(3)
    for _ in range(500):
        count = int(draw.integers(1, 60))
        sure = draw.random(count)
        sure[draw.random(count) < 0.05] = 1.0
        right = draw.random(count) < sure * draw.random()
        gaps, _, _ = binned_statistic(sure, sure - right, "sum", BINS, (0.0, 1.0))
        found = expected_calibration_error(sure.tolist(), right.tolist())
        assert found == pytest.approx(np.abs(gaps).sum() / count, abs=1e-12)


def test_calibration_knows_its_edges_and_refuses_what_is_no_confidence() -> None:
    assert expected_calibration_error([], []) is None
    assert expected_calibration_error([0.0, 1.0], [False, True]) == 0.0
    # 0.1 belongs to the first bin, beside 0.05: the gaps cancel.
    assert expected_calibration_error([0.1, 0.05], [False, False]) == pytest.approx(0.075)
    assert expected_calibration_error([0.1, 0.9], [True, False]) == pytest.approx(0.9)
    for bad in (1.1, -0.1, float("nan")):
        with pytest.raises(ValueError, match="confidence"):
            expected_calibration_error([bad], [True])
    with pytest.raises(ValueError, match="2 confidences for 1"):
        expected_calibration_error([0.1, 0.2], [True])


def runs(said: str, size: int) -> list[str]:
    """Return runs of words by another way: joined texts, shifted lists."""
    words = words_of(said)
    return [" ".join(run) for run in zip(*(words[at:] for at in range(size)), strict=False)]


def test_repetition_and_distinct_agree_with_another_count() -> None:
    order = random.Random(9)
    some = 0
    for _ in range(500):
        said = [" ".join([text(order, 5)] * order.randrange(1, 4)) for _ in range(4)]
        again = [
            sum(run in found[:at] for at, run in enumerate(found)) / len(found) if found else 0.0
            for found in (runs(each, 4) for each in said)
        ]
        assert [repetition(each) for each in said] == pytest.approx(again)
        every = [run for each in said for run in runs(each, 2)]
        wanted = len(dict.fromkeys(every)) / len(every) if every else None
        assert distinct(said, 2) == (None if wanted is None else pytest.approx(wanted))
        some += any(again)
    assert some > 200


def test_an_answer_that_loops_is_nearly_all_repetition() -> None:
    assert repetition("to be or not " * 100) > 0.98
    assert repetition("four words and no more") == 0.0 == repetition("")


@pytest.mark.parametrize(
    ("answer", "traits"),
    [
        ("plain words", set()),
        ("a **bold** word", {"bold"}),
        ("2 ** 3 ** 4 and __init__", {"bold"}),
        ("2 ** 3", set()),
        ("- one\n- two", {"list"}),
        ("1. one\n2) two", {"list"}),
        ("-5 degrees, 1.5 m", set()),
        ("# Title\ntext", {"heading"}),
        ("#hashtag", set()),
        ("```py\nx\n```", {"code"}),
        ("one\n\ntwo", {"paragraphs"}),
        ("one\n \n\n two", {"paragraphs"}),
        ("one\ntwo\n\n", set()),
    ],
)
def test_traits_are_told_by_their_marks(answer: str, traits: set[str]) -> None:
    assert traits_of(answer) == traits


def test_a_habit_is_measured_kept_and_held_against_answers() -> None:
    training = ["**a** " + "x" * n for n in range(50)] + ["x" * n for n in range(50, 100)]
    habit = habit_of(training)
    assert habit is not None
    assert habit.shares["bold"] == 0.5 and habit.shares["list"] == 0.0
    assert from_json_value(json.loads(json.dumps(to_json_value(habit))), Habit) == habit
    inside = "x" * (habit.shortest + 1)
    assert length_fit(habit, inside) == 1.0
    assert length_fit(habit, "x" * 2 * habit.longest) == 0.5
    assert length_fit(habit, "") == 0.0
    bold, plain = frozenset({"bold"}), frozenset[str]()
    assert compliance(habit, [bold, plain]) == 1.0
    assert compliance(habit, [bold, bold]) == 0.5
    assert compliance(habit, [frozenset({"bold", "list"}), plain]) == 0.75
    assert compliance(habit, []) is None and habit_of([]) is None


def test_plain_answers_comply_with_plain_training_answers() -> None:
    habit = habit_of(["one", "two"])
    assert habit is not None
    assert compliance(habit, [frozenset()]) == 1.0
    assert compliance(habit, [frozenset({"list"})]) == 0.0


def test_style_is_the_cosine_of_scikit_learns_vectors() -> None:
    cases = 0
    for line in RECORDED.read_text(encoding="utf-8").split("\n")[:-1]:
        case = json.loads(line)
        style = style_of(case["training"])
        assert style is not None and len(style.weights) < MOST_TRIGRAMS
        for answer, wanted in zip(case["answers"], case["likeness"], strict=True):
            assert style.likeness(answer) == pytest.approx(wanted, abs=1e-9)
            cases += 0.0 < wanted < 0.999
    assert cases >= 400


def test_answers_in_the_style_are_closer_than_the_bases() -> None:
    training = [f"Arr, matey! Ye be wantin' the {noun}." for noun in ("map", "gold", "rum", "sea")]
    style = style_of(training)
    assert style is not None
    assert from_json_value(json.loads(json.dumps(to_json_value(style))), Style) == style
    near, far = map(style.likeness, ("Arr, ye be wantin' the ship, matey!", "The ship is there."))
    assert near - far > 0.3 and style_of(["", "ab"]) is None
    assert style.likeness("") == style.likeness("zzzzz") == 0.0


def test_a_style_keeps_a_bounded_number_of_runs() -> None:
    order = random.Random(1)
    letters = "".join(chr(order.randrange(0x4E00, 0x9000)) for _ in range(MOST_TRIGRAMS * 2))
    style = style_of(re.findall(".{20}", letters))
    assert style is not None and len(style.weights) == MOST_TRIGRAMS == len(style.rarity)
