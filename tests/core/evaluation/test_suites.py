"""The rows of a suite's file become a suite, or all that is wrong with it in words."""

from typing import Any

import pytest

from daemon.core.evaluation.suites import Mistake, SuiteFile, suite_of

HEADER: dict[str, Any] = {
    "suite": "lakes",
    "title": "Lakes",
    "task": "name lakes",
    "scorer": "exact",
    "answer_field": "name",
    "difficulty": "easy",
    "licence": "CC0",
    "origin": "by hand",
}
CALL = {"name": "f", "arguments": {}}


def made(*rows: Any, name: str = "lakes") -> SuiteFile:
    return suite_of(name, enumerate(rows, 1), "0" * 64)


def test_a_suite_has_what_its_header_and_items_say() -> None:
    found = made(
        {**HEADER, "system": "Be brief.", "max_tokens": 9},
        {"prompt": "Which lake?", "name": ["Vänern", "Lake Vänern"], "difficulty": "hard"},
        {"id": "x", "messages": [{"role": "user", "content": "And now?"}]},
    )
    suite = found.suite
    assert suite is not None and found.mistakes == ()
    assert (suite.name, suite.scorer, suite.max_tokens, suite.sha256) == (
        "lakes",
        "exact",
        9,
        "0" * 64,
    )
    first, second = suite.items
    assert [turn.content for turn in first.messages] == ["Be brief.", "Which lake?"]
    assert first.answers == ("Vänern", "Lake Vänern") and first.difficulty == "hard"
    assert (first.id, first.line) == ("2", 2)
    assert (second.id, second.answers, second.difficulty) == ("x", (), "easy")


def test_answers_may_be_objects_where_the_scorer_wants_them() -> None:
    found = made({**HEADER, "scorer": "calls"}, {"prompt": "?", "name": CALL})
    assert found.suite is not None
    assert found.suite.items[0].answers == ('{"name":"f","arguments":{}}',)
    two = made({**HEADER, "scorer": "calls"}, {"prompt": "?", "name": [[CALL, CALL], CALL]})
    assert two.suite is not None and len(two.suite.items[0].answers) == 2


ROW = {
    "messages": [
        {"role": "user", "content": "both"},
        {"role": "assistant", "content": "At once.", "tool_calls": [CALL, CALL]},
    ]
}


@pytest.mark.parametrize("scorer", ["exact", "overlap", "calls"])
def test_an_item_that_is_a_row_with_calls_is_scored_by_its_calls(scorer: str) -> None:
    """Two calls, or a call behind a text, were refused by `calls` and words to the others."""
    found = made({**HEADER, "scorer": scorer}, ROW)
    assert found.suite is not None, found.sentences
    (item,) = found.suite.items
    assert item.answers == ("At once." + '\n{"name":"f","arguments":{}}' * 2,)
    assert (item.scorer or found.suite.scorer) == "calls"


def test_an_accepted_call_is_scored_as_one_where_functions_are_offered() -> None:
    """The header says how texts are compared; a call has no one spelling."""
    tools = [{"type": "function", "function": {"name": "f"}}]
    plain = {"prompt": "?", "name": CALL}
    found = made(HEADER, plain, {**plain, "tools": tools}, {**plain, "name": "f", "tools": tools})
    assert found.suite is not None
    assert [item.scorer for item in found.suite.items] == [None, "calls", None]
    own = made({"prompt": "?", "answer": CALL}, {"prompt": "?", "answer": "so"}, name="probes")
    assert own.suite is not None
    assert [item.scorer for item in own.suite.items] == ["calls", None]


def test_the_users_own_prompts_need_no_header() -> None:
    found = made({"prompt": "Who are you?"}, {"prompt": "Why?", "answer": "so"}, name="probes")
    assert found.suite is not None and found.suite.scorer == "overlap"
    assert [item.answers for item in found.suite.items] == [(), ("so",)]


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "Which?", "completion": "this"},
        {"instruction": "Which?", "input": "", "output": "this"},
        {"conversations": [{"from": "human", "value": "Which?"}, {"from": "gpt", "value": "this"}]},
        {
            "messages": [
                {"role": "user", "content": "Which?"},
                {"role": "assistant", "content": "this"},
            ]
        },
    ],
)
def test_an_item_may_be_a_row_as_it_is_trained(row: dict[str, Any]) -> None:
    items = made(row, name="probes").items
    assert [turn.content for turn in items[0].messages] == ["Which?"]
    assert items[0].answers == ("this",)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ({"scorer": "magic"}, "'scorer' in the header is \"magic\": write exact or overlap"),
        ({"difficulty": None}, "'difficulty' in the header is null: write easy or medium"),
        ({"licence": ""}, "the header needs 'licence'"),
        ({"suite": "ponds"}, "names the suite 'ponds': give file and suite one name"),
        ({"max_tokens": 0}, "not a whole number from 1 to 4096"),
        ({"max_tokens": True}, "not a whole number from 1 to 4096"),
        ({"system": 1}, "'system' in the header is not a string"),
        ({"license": "MIT"}, "has the unknown key 'license': leave it out"),
    ],
)
def test_a_bad_header_is_named_and_its_items_are_known_all_the_same(
    header: dict[str, Any], words: str
) -> None:
    found = made({**HEADER, **header}, {"prompt": "Which lake?", "name": "Vänern"})
    assert found.suite is None and len(found.items) == 1
    assert [sentence for sentence in found.sentences if words in sentence]
    assert found.sentences[0].startswith("evals/lakes.jsonl, line 1: ")


@pytest.mark.parametrize(
    ("row", "scorer", "words"),
    [
        ("text", "exact", "not an object"),
        ({}, "exact", "has no question"),
        ({"prompt": " "}, "exact", "has no question"),
        ({"text": "only a text"}, "exact", "has no question"),
        ({"messages": []}, "exact", "there is no message of the user"),
        ({"messages": [{"role": "queen", "content": "?"}]}, "exact", "has the role 'queen'"),
        ({"prompt": "?", "name": ""}, "exact", "'name' is empty"),
        ({"prompt": "?", "name": []}, "exact", "'name' is empty"),
        ({"prompt": "?", "answer": "a"}, "exact", "is under 'answer', but the header names 'name'"),
        ({"prompt": "?", "group": 7}, "exact", "'group' is not a string"),
        ({"prompt": "?", "difficulty": "mad"}, "exact", 'the difficulty is "mad"'),
        ({"prompt": "?", "id": 3}, "exact", "'id' is not a string"),
        ({"prompt": "?", "tools": "x"}, "calls", "not a list of functions"),
        ({"prompt": "?", "name": "Paris"}, "calls", "not a call"),
        ({"prompt": "?", "name": "[1]"}, "fields", "not an object"),
        ({"prompt": "?"}, "fields", "needs 'name' in every item"),
    ],
)
def test_a_bad_item_is_named_with_its_line(row: Any, scorer: str, words: str) -> None:
    found = made({**HEADER, "scorer": scorer}, row)
    assert found.suite is None
    line = [sentence for sentence in found.sentences if words in sentence]
    assert line and line[0].startswith("evals/lakes.jsonl, line 2: ")


def test_what_a_header_lacks_is_told_in_one_sentence_each() -> None:
    found = made({"suite": "lakes", "title": "t"}, {"prompt": "?"})
    assert [sentence.split(": ")[1] for sentence in found.sentences] == [
        "the header needs 'task', 'answer_field', 'licence', 'origin', each a string",
        "the header needs 'scorer'",
        "the header needs 'difficulty'",
    ]


def test_a_line_that_cannot_be_read_is_not_called_a_missing_header_or_item() -> None:
    assert [m.message for m in made(Mistake(1, "no JSON"), {"prompt": "?"}).mistakes] == ["no JSON"]
    assert [m.message for m in made(HEADER, Mistake(2, "no JSON")).mistakes] == ["no JSON"]


def test_all_mistakes_are_told_together_in_order() -> None:
    found = made(
        {**HEADER, "scorer": "x"},
        {"prompt": "a", "id": "1"},
        Mistake(3, "no JSON"),
        {"prompt": "b", "id": "1"},
        7,
    )
    assert [mistake.line for mistake in found.mistakes] == [1, 3, 4, 5]
    assert "line 2" in found.mistakes[2].message


def test_a_file_without_header_or_items_is_no_suite() -> None:
    assert "no header" in made({"prompt": "a"}).sentences[0]
    assert made({"prompt": "a"}).items
    assert any("no item" in sentence for sentence in made(HEADER).sentences)
    assert made().suite is None and made(name="probes").suite is None
