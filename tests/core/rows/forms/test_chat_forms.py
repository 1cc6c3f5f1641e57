"""Messages as people and programs write them: roles, contents, weights, calls and reasoning."""

import json
from typing import Any

import pytest

from daemon.core.rows.examples import Call, Chat, Turn
from daemon.core.rows.formats import Fields, Good, recognise
from daemon.core.rows.forms.names import CALLING, ROLES
from daemon.core.rows.refusal import Bad

U: dict[str, Any] = {"role": "user", "content": "q"}
A: dict[str, Any] = {"role": "assistant", "content": "a"}
PAIR = Chat((Turn("user", "q"), Turn("assistant", "a")))


def chat(*messages: Any) -> Chat:
    found = recognise({"messages": list(messages)})
    assert isinstance(found, Good) and isinstance(found.example, Chat), found
    return found.example


@pytest.mark.parametrize(
    ("asks", "says"),
    [
        ("human", "gpt"),
        ("USER", "ASSISTANT"),
        ("Human", "AI"),
        ("user", "bot"),
        ("User", "Chatbot"),
        ("prompter", "assistant"),
        ("user", "model"),
        ("human", "chatgpt"),
    ],
)
@pytest.mark.parametrize(
    ("key", "role", "text"),
    [
        ("messages", "role", "content"),
        ("conversations", "from", "value"),
        ("conversation", "role", "content"),
        ("dialog", "speaker", "text"),
        ("chat", "Role", "Content"),
        ("turns", "author", "message"),
    ],
)
def test_roles_are_read_without_case_and_by_their_common_names(
    asks: str, says: str, key: str, role: str, text: str
) -> None:
    row = {key: [{role: asks, text: "q"}, {role: says, text: "a"}]}
    found = recognise(row)
    assert isinstance(found, Good) and found.example == PAIR
    found = recognise({key: json.dumps(row[key])})
    assert isinstance(found, Good) and found.example == PAIR


@pytest.mark.parametrize("name", [name for name, role in ROLES.items() if role == "tool"])
def test_results_of_tools_have_many_names(name: str) -> None:
    call = A | {"content": None, "tool_calls": [{"name": "f", "arguments": {}}]}
    assert chat(U, call, {"role": name.upper(), "content": "r"}, A).turns[2] == Turn("tool", "r")


@pytest.mark.parametrize(
    "messages",
    [
        [["q", "a"]],
        [["user", "q"], ["assistant", "a"]],
        [{"human": "q", "assistant": "a"}],
        [{"USER": "q"}, {"ASSISTANT": "a"}],
        [{"role": "user", "content": {"text": "q"}}, {"role": "assistant", "content": ["a"]}],
        [{"role": "user", "content": [{"type": "text", "value": "q"}]}, A],
        [{"role": "user", "parts": [{"text": "q"}]}, {"role": "model", "parts": [{"text": "a"}]}],
        [U, {"role": "assistant", "content": None, "refusal": "a"}],
        [{"role": "system", "content": ""}, U, A],
        [U | {"name": None, "tool_calls": None, "weight": None}, A | {"tool_calls": []}],
    ],
)
def test_every_form_of_a_message_gives_its_turn(messages: list[Any]) -> None:
    assert chat(*messages) == PAIR


def test_a_last_question_that_nobody_answers_is_cut_off_and_told() -> None:
    found = recognise({"messages": [U, A, {"role": "user", "content": "ok thx"}]})
    assert isinstance(found, Good) and found.example == PAIR
    assert found.reading.notes == ("last_question_cut",)
    for messages in ([U], [U, A, {"role": "tool", "content": "x"}]):
        alone = recognise({"messages": messages})
        assert isinstance(alone, Bad) and alone.code == "last_turn_not_assistant"


def test_a_system_text_and_an_answer_are_trained_without_a_question() -> None:
    assert chat({"role": "system", "content": "s"}, A).turns == (
        Turn("system", "s"),
        Turn("assistant", "a"),
    )


@pytest.mark.parametrize(
    "flag",
    [
        {"train": False},
        {"weight": 0},
        {"weight": 0.0},
        {"loss_weight": 0.0},
        {"loss": False},
        {"trainable": False},
        {"masked": True},
    ],
)
def test_answers_that_are_not_to_be_learned_are_context_only(flag: dict[str, Any]) -> None:
    found = chat(U, A | flag, U, A)
    assert [turn.trained for turn in found.turns] == [True, False, True, True]


@pytest.mark.parametrize(
    "flag", [{"train": "no"}, {"weight": 0.5}, {"mask": 1}, {"train_detail": []}]
)
def test_a_mark_that_is_not_clear_refuses_the_row(flag: dict[str, Any]) -> None:
    found = recognise({"messages": [U, A | flag]})
    assert isinstance(found, Bad) and found.code == "bad_weight"


ARGUMENTS = {"x": 1}
ONCE = json.dumps(ARGUMENTS)


@pytest.mark.parametrize("arguments", [ARGUMENTS, ONCE, json.dumps(ONCE)])
@pytest.mark.parametrize(
    "form",
    [
        lambda given: {"tool_calls": [{"id": "1", "function": {"name": "f", "arguments": given}}]},
        lambda given: {"tool_calls": json.dumps([{"name": "f", "arguments": given}])},
        lambda given: {"function_call": {"name": "f", "arguments": given}},
        lambda given: {"content": [{"type": "tool_use", "name": "f", "input": given}]},
    ],
)
def test_arguments_are_decoded_however_often_they_were_encoded(arguments: Any, form: Any) -> None:
    asked = {"role": "assistant", "content": None} | form(arguments)
    assert chat(U, asked, {"role": "tool", "content": None}, A).turns[1:3] == (
        Turn("assistant", "", calls=(Call("f", '{"x":1}'),)),
        Turn("tool", ""),
    )


@pytest.mark.parametrize("name", sorted(CALLING))
def test_calls_written_as_text_may_be_several(name: str) -> None:
    text = json.dumps([{"name": "f", "arguments": ONCE}, {"name": "g"}])
    found = chat(U, {"role": name, "content": text}, {"role": "tool", "content": {"r": 1}}, A)
    assert found.turns[1].calls == (Call("f", '{"x":1}'), Call("g", "{}"))
    assert found.turns[2].content == '{"r":1}'


@pytest.mark.parametrize(
    "content", [None, "", [], [{"type": "text", "text": ""}]], ids=["null", "text", "list", "part"]
)
def test_an_empty_result_of_a_tool_is_an_empty_text(content: Any) -> None:
    call = A | {"content": None, "tool_calls": [{"name": "f", "arguments": {}}]}
    assert chat(U, call, {"role": "tool", "content": content}, A).turns[2] == Turn("tool", "")


@pytest.mark.parametrize(
    "message",
    [
        A | {"reasoning_content": "hm"},
        A | {"reasoning": "hm"},
        A | {"thinking": "hm"},
        {
            "role": "assistant",
            "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "a"}],
        },
    ],
)
def test_reasoning_of_a_message_belongs_to_its_answer(message: dict[str, Any]) -> None:
    assert chat(U, message).turns[1] == Turn("assistant", "a", reasoning="hm")
    left = recognise({"messages": [U, message]}, Fields(keep_reasoning=False))
    assert isinstance(left, Good) and left.example == PAIR
    assert left.reading.notes == ("reasoning_left_out",)


@pytest.mark.parametrize("kind", ["image_url", "input_audio", "image", "document", "file"])
def test_parts_that_are_no_text_refuse_the_row_by_their_name(kind: str) -> None:
    found = recognise({"messages": [{"role": "user", "content": [{"type": kind}]}, A]})
    assert isinstance(found, Bad) and found.code == "content_not_text" and kind in found.message


def test_tools_of_other_apis_become_functions() -> None:
    function = {"name": "f", "description": "d", "parameters": {"type": "object"}}
    wanted = {"type": "function", "function": function}
    for tools in (
        [wanted],
        [function],
        [{"type": "function", **function}],
        json.dumps([function]),
        json.dumps(json.dumps([function])),
        [json.dumps(function)],
        function,
        [{"name": "f", "description": "d", "input_schema": {"type": "object"}}],
        [{"functionDeclarations": [function]}],
    ):
        found = recognise({"messages": [U, A], "tools": tools})
        assert isinstance(found, Good) and isinstance(found.example, Chat)
        assert [json.loads(tool) for tool in found.example.tools] == [wanted]
