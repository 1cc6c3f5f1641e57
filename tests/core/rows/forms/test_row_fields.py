"""What the keys of a row mean: names in any case, and everything that belongs to a question
(fault: of `context`, `history`, `system_prompt`, choices and reasoning nothing was read or told).
"""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.rows.examples import Chat, Text, Turn
from daemon.core.rows.formats import DEFAULT, Fields, Good, recognise
from daemon.core.rows.forms.current_row import CurrentRow
from daemon.core.rows.forms.names import FIELDS, METADATA, ROLES
from daemon.core.rows.forms.plans import plan_of
from daemon.core.rows.forms.reading import read_row
from daemon.core.rows.refusal import Bad
from tests.core.rows.forms.readers import bad, good, turns

PAIR = [("user", "q"), ("assistant", "r")]
ASKED = [name for name in (*FIELDS["prompt"], *FIELDS["input"])]
SAID = [name for name in (*FIELDS["completion"], *FIELDS["late_completion"])]


@pytest.mark.parametrize("asked", ASKED)
def test_every_known_name_of_a_question_is_one(asked: str) -> None:
    for key in (asked, asked.upper(), asked.title(), asked.replace("_", " ")):
        assert turns({key: "q", "completion": "r"}) == PAIR


@pytest.mark.parametrize("said", SAID)
def test_every_known_name_of_an_answer_is_one(said: str) -> None:
    for key in (said, said.upper(), said.title()):
        assert turns({"question": "q", key: "r"}) == PAIR


def test_names_in_camel_case_are_the_same_names() -> None:
    assert turns({"systemPrompt": "s", "userPrompt": "q", "modelResponse": "r"}) == [
        ("system", "s"),
        *PAIR,
    ]


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ({"question": "q", "context": "c", "answer": "r"}, "c\n\nq"),
        ({"question": "q", "passage": "c", "answer": "r"}, "c\n\nq"),
        ({"query": "q", "schema": {"t": ["x"]}, "response": "r"}, '{"t":["x"]}\n\nq'),
        ({"question": "q", "contexts": ["c", "d"], "answer": "r"}, "c\n\nd\n\nq"),
        ({"question": "q", "documents": [{"title": "T", "text": "c"}], "answer": "r"}, "T\nc\n\nq"),
        ({"instruction": "q", "context": "c", "response": "r", "category": "x"}, "q\n\nc"),
        ({"instruction": "q", "context": "", "response": "r", "category": "x"}, "q"),
        ({"instruction": "q", "input": "c", "output": "r"}, "q\n\nc"),
        ({"instruction": "q", "input": None, "output": "r"}, "q"),
        ({"instruction": "q", "input": 7, "output": "r"}, "q\n\n7"),
        ({"prompt": "q", "input": "c", "completion": "r"}, "q\n\nc"),
        ({"instruction": "i", "question": "q", "answer": "r"}, "i\n\nq"),
        ({"prompt": "c: q", "question": "q", "answer": "r"}, "c: q"),
        ({"question": "q", "text": "c", "answer": "r"}, "c\n\nq"),
        ({"text": "q", "answer": "r"}, "q"),
        ({"source": "q", "target": "r"}, "q"),
        (
            {"question": "q", "context": "c", "answers": {"text": ["r"], "answer_start": [3]}},
            "c\n\nq",
        ),
    ],
)
def test_all_that_belongs_to_a_question_stands_in_it(row: Any, found: str) -> None:
    assert turns(row) == [("user", found), ("assistant", "r")]
    assert not good(row).reading.unread


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2, "2"),
        (2.5, "2.5"),
        (True, "true"),
        (0, "0"),
        ("r", "r"),
        (["r"], "r"),
        ({"role": "assistant", "content": "r"}, "r"),
        ([{"type": "text", "text": "r"}], "r"),
        ({"text": "r"}, "r"),
        ({"room": "hall"}, '{"room":"hall"}'),
    ],
)
def test_an_answer_may_be_a_number_a_truth_value_a_message_or_an_object(
    value: Any, text: str
) -> None:
    assert turns({"prompt": "q", "completion": value}) == [("user", "q"), ("assistant", text)]


def test_marks_around_a_name_are_none_of_it() -> None:
    assert turns({"### Instruction:": "q", "### Response:": "r"}) == PAIR


def test_null_is_absent_everywhere() -> None:
    row = {
        "prompt": None,
        "messages": None,
        "instruction": "q",
        "input": None,
        "output": "r",
        "text": None,
        "tools": None,
        "system": None,
        "label": None,
        "images": None,
        "group": None,
        "history": None,
        "options": None,
        "chosen": None,
    }
    assert turns(row) == PAIR


HISTORY = [("user", "a"), ("assistant", "b"), *PAIR]


@pytest.mark.parametrize(
    "history",
    [
        [["a", "b"]],
        [("a", "b")],
        json.dumps([["a", "b"]]),
        [{"user": "a", "assistant": "b"}],
        [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}],
        [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}],
    ],
)
def test_earlier_turns_stand_before_the_question(history: Any) -> None:
    row = {"instruction": "q", "input": "", "output": "r", "history": history}
    assert turns(row) == HISTORY
    assert turns(row | {"system": "s"}) == [("system", "s"), *HISTORY]
    assert turns(row | {"history": []}) == PAIR


def test_earlier_turns_that_cannot_be_read_refuse_the_row() -> None:
    assert bad({"prompt": "q", "completion": "r", "history": ["a", "b"]}).code == "bad_history"


def test_system_texts_beside_and_within_a_conversation_are_joined() -> None:
    says = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "r"}]
    rule = {"role": "system", "content": "two"}
    for key in ("system", "system_prompt", "System", "system_message"):
        assert turns({key: "one", "messages": [rule, *says]}) == [("system", "one\n\ntwo"), *PAIR]
    assert turns({"system": "two", "messages": [rule, rule, *says]}) == [("system", "two"), *PAIR]
    assert turns({"system": [{"type": "text", "text": "s"}], "messages": says})[0] == (
        "system",
        "s",
    )
    assert turns({"system": "s", "response": "r"}) == [("system", "s"), ("assistant", "r")]


CHOICES = ["tea", "milk"]
BLOCK = "q\n\nA. tea\nB. milk"


@pytest.mark.parametrize(
    "row",
    [
        {"options": CHOICES, "answer": "B"},
        {"choices": CHOICES, "answer": "b"},
        {"choices": CHOICES, "answer": 1},
        {"choices": CHOICES, "label": 1},
        {"choices": CHOICES, "answer_idx": 1},
        {"options": {"A": "tea", "B": "milk"}, "answer": "B"},
        {"choices": {"label": ["A", "B"], "text": CHOICES}, "answerKey": "B"},
        {"choices": {"text": CHOICES}, "answerKey": "B"},
        {"options": [{"key": "A", "value": "tea"}, {"key": "B", "value": "milk"}], "answer": "B"},
        {"options": [{"label": "A", "text": "tea"}, {"label": "B", "text": "milk"}], "answer": "B"},
        {"options": [{"A": "tea"}, {"B": "milk"}], "answer": "B"},
        {"options": ["A. tea", "B. milk"], "answer": "B"},
        {"options": json.dumps(CHOICES), "answer": "B"},
        {"options": {"A": "tea", "B": "milk", "C": None}, "answer": "B"},
        {"A": "tea", "B": "milk", "answer": "B"},
        {"option_a": "tea", "option_b": "milk", "correct_option": "B"},
    ],
)
def test_choices_stand_in_the_prompt_and_the_answer_is_one_of_them(row: Any) -> None:
    assert turns({"question": "q", **row}) == [("user", BLOCK), ("assistant", "B")]


def test_an_answer_beside_choices_may_be_a_text() -> None:
    for answer in ("milk", "The answer is B.", "B. milk"):
        assert turns({"question": "q", "options": CHOICES, "answer": answer})[1][1] == answer


@pytest.mark.parametrize(
    "row",
    [
        {"options": CHOICES, "answer": "D"},
        {"choices": CHOICES, "answer": 2},
        {"choices": CHOICES, "correct_option": 1},
        {"answerKey": "B"},
        {"answer_idx": 1},
    ],
)
def test_a_choice_that_is_none_is_refused_and_so_is_one_without_choices(row: Any) -> None:
    assert bad({"question": "q", **row}).code == "bad_choices"


def test_reasoning_beside_an_answer_belongs_to_it_and_may_be_left_out() -> None:
    for key in ("reasoning", "reasoning_content", "thinking", "cot", "rationale"):
        row = {"question": "q", key: "hm", "answer": "r"}
        wanted = Chat((Turn("user", "q"), Turn("assistant", "r", reasoning="hm")))
        assert good(row).example == wanted
        left = good(row, Fields(keep_reasoning=False))
        assert left.example == Chat((Turn("user", "q"), Turn("assistant", "r")))
        assert left.reading.notes == ("reasoning_left_out",)


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ({"question": "q", "answer": "r", "response": "s"}, "completion = "),
        ({"question": "one", "prompt": "two", "answer": "r"}, "prompt = "),
    ],
)
def test_two_keys_that_may_each_be_the_answer_are_refused_with_the_line_to_write(
    row: Any, named: str
) -> None:
    found = bad(row)
    assert found.code == "ambiguous_fields" and named in found.hint and "--fields" in found.hint


def test_a_users_own_name_settles_what_is_doubtful_and_the_other_is_told() -> None:
    row = {"question": "q", "answer": "r", "response": "s"}
    found = good(row, Fields({"completion": "answer"}))
    assert found.reading.unread == ("response",)
    assert turns(row, Fields({"completion": "answer"})) == PAIR
    assert turns(
        {"Frage": "q", "antwort": "r"}, Fields({"prompt": "frage", "completion": "antwort"})
    )
    assert turns({"q": "x", "stoff": "c", "a": "r"}, Fields({"context": "stoff"}))[0][1] == "c\n\nx"
    assert turns({"prompt": "q", "completion": "r"}, Fields({"prompt": "frage"})) == PAIR


def test_an_answer_that_repeats_the_end_of_another_is_no_second_one() -> None:
    assert turns({"problem": "q", "solution": "so r", "answer": "r"})[1][1] == "so r"
    found = good({"problem": "q", "solution": "s", "answer": "r"})
    assert found.reading.notes == ("other_solution",)


@pytest.mark.parametrize(
    ("row", "names"),
    [
        ({"frage": "q", "antwort": "r"}, "prompt=frage,completion=antwort"),
        ({"question": "q", "antwort": "r"}, "completion=antwort"),
        ({"titel": "q", "answer": "r"}, "prompt=titel"),
    ],
)
def test_an_unknown_form_shows_the_line_to_write(row: Any, names: str) -> None:
    found = bad(row)
    assert found.code == "unknown_format" and f"--fields '{names}'" in found.hint


def test_content_that_is_not_read_is_named_and_metadata_is_not() -> None:
    found = good({"text": "t", "label": "negative", "id": 3, "source": "a book"})
    assert found.example == Text("t")
    assert found.reading.unread == ("label",) and found.reading.metadata == ("id", "source")
    assert good({"text": "t", "source": "x" * 300}).reading.unread == ("source",)
    assert good({"prompt": "q", "completion": "r", "note": "n"}).reading.unread == ("note",)
    assert good({"prompt": "q", "completion": "r", "note": ""}).reading.unread == ()
    chat = {
        "messages": [
            {"role": "user", "content": "q", "note": "n"},
            {"role": "assistant", "content": "r"},
        ]
    }
    assert good(chat).reading.unread == ("messages[].note",)


VALUES = st.sampled_from(["q", "", " ", "long answer", 3, True, None, ["x"], {"text": "y"}])
NAMES = st.sampled_from(
    [
        "prompt",
        "instruction",
        "input",
        "context",
        "system",
        "completion",
        "output",
        "text",
        "answer",
        "id",
        "source",
        "note",
        "question",
    ]
)


@given(st.dictionaries(NAMES, VALUES, max_size=5))
def test_the_quick_reading_is_the_whole_reading(row: dict[str, Any]) -> None:
    """Frequent shapes are read without looking at everything; the outcome must not tell."""
    present = {key: value for key, value in row.items() if value is not None}
    found = recognise(row)
    held = CurrentRow(present, plan_of(tuple(present), ()), DEFAULT.message, True, False)
    slow = read_row(held)
    if isinstance(slow, Bad):
        assert found == slow
    else:
        assert isinstance(found, Good)
        assert (found.example, found.form, found.reading) == (*slow, held.reading())


@given(st.dictionaries(st.text(max_size=8) | NAMES, VALUES | st.text(), max_size=5))
def test_no_row_whatever_its_keys_breaks_the_reading(row: dict[str, Any]) -> None:
    assert isinstance(recognise(row), Good | Bad)


def test_no_name_means_two_things() -> None:
    names = [name for known in FIELDS.values() for name in known]
    assert len(names) == len(set(names))
    assert not set(names) & METADATA
    assert all(name == name.lower() for name in (*names, *METADATA, *ROLES))
