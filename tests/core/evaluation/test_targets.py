"""What a target is, when it is reached, and what is said then."""

import pytest

from daemon.core.evaluation.next_actions import next_actions
from daemon.core.evaluation.targets import Target, check, outcome_of, target_of


@pytest.mark.parametrize(
    ("key", "value", "wanted"),
    [
        ("home.field_f1", 0.6, Target("home", "field_f1", 0.6, True)),
        ("*.main", 1, Target("*", "main", 1.0, True)),
        ("*.repetition", 0.1, Target("*", "repetition", 0.1, False)),
        ("a-b.bleu", {"at_most": 0.5}, Target("a-b", "bleu", 0.5, False)),
        ("a.calibration_error", {"at_least": 0.0}, Target("a", "calibration_error", 0.0, True)),
        ("formatting", 0.7, Target("*", "formatting", 0.7, True)),
        ("bold", 0.6, Target("*", "bold", 0.6, True)),
        ("length", [134, 2440], Target("*", "length", 134.0, True, 2440.0)),
        ("lakes.length", 0.8, Target("lakes", "length", 0.8, True)),
        ("grade", 75, Target("*", "grade", 75.0, True)),
        ("grade", "B", Target("*", "grade", 80.0, True)),
    ],
)
def test_an_entry_is_a_target(key: str, value: object, wanted: Target) -> None:
    assert target_of(key, value) == wanted


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("home", {"field_f1": 0.6}, "in quotes"),
        ("home.field_f2", 0.6, "field_f1"),
        ("home.field_f1", 1.5, "from 0 to 1"),
        ("home.field_f1", True, "from 0 to 1"),
        ("home.field_f1", "0.6", "from 0 to 1"),
        ("home.field_f1", {"at_most": 0.1, "at_least": 0.0}, "one of"),
        ("home.field_f1", {}, "one of"),
        ("home.field_f1", {"below": 0.1}, "not a target"),
        ("home.field_f1", float("nan"), "from 0 to 1"),
        ("grade", 101, "from 0 to 100"),
        ("grade", "F", "or one of A, B"),
        ("home.grade", 80, "all suites together"),
        ("bold", [0, 1], "only a length has"),
        ("length", [200, 100], "least and the most"),
        ("length", [100], "least and the most"),
    ],
)
def test_what_is_no_target_is_told_with_the_right_form(key: str, value: object, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        target_of(key, value)


def test_a_target_for_every_suite_is_held_against_those_with_the_metric() -> None:
    checked = check(
        [target_of("*.field_f1", 0.5), target_of("a.bleu", 0.1)],
        {"a": {"field_f1": 0.5}, "b": {"field_f1": 0.4}, "c": {"main": 1.0}},
    )
    assert [(one.suite, one.value, one.reached) for one in checked] == [
        ("a", 0.5, True),
        ("b", 0.4, False),
        ("a", None, None),
    ]
    assert outcome_of(checked) == "partial"
    said = " ".join(next_actions("v000001", checked))
    assert "b.field_f1 is 0.400, 0.100 away" in said and "a.bleu ≥ 0.1 was not measured" in said


def test_a_target_whose_suite_was_not_measured_is_neither_reached_nor_missed() -> None:
    """It counted as a failure: who evaluated one suite of two was told to train again."""
    wanted = [target_of("a.main", 0.5), target_of("lakes.main", 0.5)]
    checked = check(wanted, {"a": {"main": 0.6}})
    assert [one.gap for one in checked] == [0.0, None] and outcome_of(checked) == "success"
    assert "the suite lakes" in " ".join(next_actions("v000001", checked))
    nothing = check(wanted, {})
    assert outcome_of(nothing) == "not measured"
    assert all("was not measured" in said for said in next_actions("v000001", nothing))


def test_a_length_in_characters_has_two_bounds_and_a_gap_to_the_nearer() -> None:
    target = target_of("length", [134, 2440])
    gaps = [target.gap(value) for value in (100.0, 134.0, 2440.0, 2500.0)]
    assert gaps == [34.0, 0.0, 0.0, 60.0]
    (checked,) = check([target], {"a": {"characters": 100.0, "length": 1.0}})
    assert checked.value == 100.0 and str(target) == "length 134 to 2440 characters"
    assert "100 characters, 34 away" in next_actions(None, [checked])[0]


def test_reaching_all_or_none_leads_to_other_actions() -> None:
    good = check([target_of("a.main", 0.5)], {"a": {"main": 0.5}})
    bad = check([target_of("a.main", 0.5)], {"a": {"main": 0.4}})
    assert outcome_of(good) == "success"
    assert "finetuned promote v000007" in next_actions("v000007", good)[0]
    assert "promote" not in next_actions(None, good)[0]
    assert outcome_of(bad) == "failure"
    assert "details.jsonl" in " ".join(next_actions("v000007", bad))


def test_what_to_do_next_is_complete_for_each_outcome() -> None:
    """Success, partial success and failure each have their own way on."""
    wanted = [target_of("a.main", 0.5), target_of("b.main", 0.5)]
    actions = {
        outcome_of(checked): " ".join(next_actions("v000007", checked))
        for checked in (
            check(wanted, {"a": {"main": one}, "b": {"main": other}})
            for one, other in ((0.6, 0.6), (0.6, 0.4), (0.1, 0.4))
        )
    }
    assert "smaller base" in actions["success"] and "promote v000007" in actions["success"]
    for said in ("more rows", "refined prefix for b", "inference-only prefix", "more epochs"):
        assert said in actions["partial"], said
    for said in ("more rows", "inference-only prefix", "more epochs", "another base"):
        assert said in actions["failure"], said
