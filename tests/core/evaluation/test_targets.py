"""What a target is, when it is reached, and what is said then."""

import pytest

from daemon.core.evaluation.targets import Target, check, next_actions, outcome_of, target_of


@pytest.mark.parametrize(
    ("key", "value", "wanted"),
    [
        ("home.field_f1", 0.6, Target("home", "field_f1", 0.6, True)),
        ("*.main", 1, Target("*", "main", 1.0, True)),
        ("*.repetition", 0.1, Target("*", "repetition", 0.1, False)),
        ("a-b.bleu", {"at_most": 0.5}, Target("a-b", "bleu", 0.5, False)),
        ("a.calibration_error", {"at_least": 0.0}, Target("a", "calibration_error", 0.0, True)),
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
        ("a", None, False),
    ]
    assert outcome_of(checked) == "partial"
    said = " ".join(next_actions("v000001", checked))
    assert "b.field_f1 is 0.400, 0.100 away" in said and "a.bleu ≥ 0.1 was not measured" in said


def test_reaching_all_or_none_leads_to_other_actions() -> None:
    good = check([target_of("a.main", 0.5)], {"a": {"main": 0.5}})
    bad = check([target_of("a.main", 0.5)], {"a": {"main": 0.4}})
    assert outcome_of(good) == "success"
    assert "finetuned promote v000007" in next_actions("v000007", good)[0]
    assert "promote" not in next_actions(None, good)[0]
    assert outcome_of(bad) == "failure"
    assert "details.jsonl" in next_actions("v000007", bad)[-1]
