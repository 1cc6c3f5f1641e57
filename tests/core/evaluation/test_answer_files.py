"""Answers find their questions, or are told."""

from typing import Any

import pytest

from daemon.core.evaluation.answer_files import GivenAnswer, given_answer, match
from daemon.core.evaluation.suites import Suite
from tests.core.suite_samples import suite


@pytest.fixture
def suites() -> list[Suite]:
    return [suite("one", "a", "b"), suite("two", "b", "c")]


def test_answers_go_to_their_items_and_what_is_missing_or_unknown_is_counted(
    suites: list[Suite],
) -> None:
    given = [
        GivenAnswer(1, None, "a", "A"),
        GivenAnswer(2, "two", "b", "B"),
        GivenAnswer(3, None, "zzz", "?"),
        GivenAnswer(4, "three", "a", "?"),
    ]
    found = match(given, suites)
    assert found.answers == {"one": {"a": "A"}, "two": {"b": "B"}}
    assert found.missing == {"one": 1, "two": 1}
    assert (found.unknown, found.mistakes) == (2, ())


def test_an_answer_that_could_be_to_two_questions_or_comes_twice_is_a_mistake(
    suites: list[Suite],
) -> None:
    given = [
        GivenAnswer(1, None, "b", "B"),
        GivenAnswer(2, "one", "a", "A"),
        GivenAnswer(3, None, "a", "again"),
    ]
    found = match(given, suites)
    assert len(found.mistakes) == 2
    assert "line 1" in found.mistakes[0] and "one and of two" in found.mistakes[0]
    assert "line 3" in found.mistakes[1] and "twice" in found.mistakes[1]


@pytest.mark.parametrize(
    "row",
    [
        [],
        {"id": 1, "answer": "x"},
        {"id": "a"},
        {"answer": "x"},
        {"id": "a", "answer": "x", "suite": 1},
    ],
)
def test_a_line_of_another_form_is_told_with_the_right_one(row: Any) -> None:
    said = given_answer(7, row)
    assert isinstance(said, str) and "line 7" in said and '"answer"' in said


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "say a", "answer": "golden", "prediction": "A"},
        {"question": "say  a", "response": "A"},
        {"doc_id": 0, "doc": {"question": "say a"}, "filtered_resps": [["A"]]},
        {"id": 4, "input": "say a", "model_output": "A"},
        {
            "id": "a",
            "prompt": [{"role": "user", "content": "say a"}],
            "answers": {"x": {"text": "A"}},
        },
    ],
)
def test_results_of_other_tools_are_matched_by_their_questions(
    row: dict[str, Any], suites: list[Suite]
) -> None:
    """Their numbers are not ids of ours, and their `answer` is often the golden one."""
    found = given_answer(1, row)
    assert isinstance(found, GivenAnswer)
    assert match([found], suites).answers["one"] == {"a": "A"}


def test_a_question_that_nobody_asked_is_not_matched_by_its_number(suites: list[Suite]) -> None:
    found = given_answer(1, {"id": "a", "prompt": "something else", "response": "A"})
    assert isinstance(found, GivenAnswer) and match([found], suites).unknown == 1
