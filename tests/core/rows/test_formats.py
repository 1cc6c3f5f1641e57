"""Every form a row may have, and every reason for which it is none."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.rows.examples import (
    Call,
    Chat,
    Example,
    Text,
    Turn,
    answer_of,
    from_record,
    last_question,
    to_record,
)
from daemon.core.rows.fingerprint import key_of
from daemon.core.rows.formats import Fields, Good, recognise
from daemon.core.rows.refusal import Bad

ASKS = {"role": "user", "content": "q"}
SAYS = {"role": "assistant", "content": "a"}
PAIR = Chat((Turn("user", "q"), Turn("assistant", "a")))
LIGHT = {"name": "light", "parameters": {"type": "object"}}
WRAPPED = {"type": "function", "function": LIGHT}
CALL = Call("light", '{"on":true,"room":"hall"}')
CALLED = Chat(
    (
        Turn("user", "dark"),
        Turn("assistant", "", calls=(CALL,)),
        Turn("tool", "done"),
        Turn("assistant", "Light."),
    )
)


def called(call: Any, **more: Any) -> dict[str, Any]:
    """A conversation with one call, in the form under test."""
    says = {"role": "assistant", "content": None, **call}
    asks = {"role": "user", "content": "dark"}
    result = {"role": "tool", "content": "done", "tool_call_id": "1"}
    return {"messages": [asks, says, result, {"role": "assistant", "content": "Light."}], **more}


ARGUMENTS = {"on": True, "room": "hall"}


@pytest.mark.parametrize(
    ("row", "example", "form"),
    [
        ({"messages": [ASKS, SAYS]}, PAIR, "messages"),
        ({"prompt": "q", "completion": "a"}, PAIR, "prompt/completion"),
        ({"prompt": [ASKS], "completion": [SAYS]}, PAIR, "prompt/completion"),
        ({"prompt": "q", "response": "a"}, PAIR, "prompt/response"),
        ({"question": "q", "answer": "a"}, PAIR, "question/answer"),
        ({"input": "q", "output": "a"}, PAIR, "input/output"),
        ({"instruction": "q", "input": "", "output": "a"}, PAIR, "alpaca"),
        (
            {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]},
            PAIR,
            "sharegpt",
        ),
        ({"conversations": [ASKS, SAYS]}, PAIR, "sharegpt"),
        ({"text": "t", "group": "g"}, Text("t", "g"), "text"),
        (
            {"instruction": "q", "input": "more", "output": "a"},
            Chat((Turn("user", "q\n\nmore"), Turn("assistant", "a"))),
            "alpaca",
        ),
        (
            {"prompt": "q", "completion": "a", "system": "s"},
            Chat((Turn("system", "s"), *PAIR.turns)),
            "prompt/completion",
        ),
        (
            {"messages": [{"role": "developer", "content": "s"}, ASKS, SAYS]},
            Chat((Turn("system", "s"), *PAIR.turns)),
            "messages",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "q"}]}, SAYS]},
            PAIR,
            "messages",
        ),
        (
            {"messages": [ASKS, SAYS | {"weight": 0}, ASKS, SAYS | {"weight": 1}]},
            Chat((Turn("user", "q"), Turn("assistant", "a", trained=False), *PAIR.turns)),
            "messages",
        ),
        (
            called(
                {
                    "tool_calls": [
                        {
                            "id": "1",
                            "type": "function",
                            "function": {"name": "light", "arguments": ARGUMENTS},
                        }
                    ]
                }
            ),
            CALLED,
            "messages",
        ),
        (
            called(
                {
                    "tool_calls": [
                        {"function": {"name": "light", "arguments": json.dumps(ARGUMENTS)}}
                    ]
                }
            ),
            CALLED,
            "messages",
        ),
        (called({"tool_calls": [{"name": "light", "arguments": ARGUMENTS}]}), CALLED, "messages"),
        (
            called({"function_call": {"name": "light", "arguments": json.dumps(ARGUMENTS)}}),
            CALLED,
            "messages",
        ),
        (
            {
                "conversations": [
                    {"from": "human", "value": "dark"},
                    {
                        "from": "function_call",
                        "value": json.dumps({"name": "light", "arguments": ARGUMENTS}),
                    },
                    {"from": "observation", "value": "done"},
                    {"from": "gpt", "value": "Light."},
                ]
            },
            CALLED,
            "sharegpt",
        ),
    ],
)
def test_every_form_gives_its_example(row: Any, example: Example, form: str) -> None:
    """Fault P16."""
    assert recognise(row) == Good(example, form)


@pytest.mark.parametrize(
    "tools", [[WRAPPED], [LIGHT], json.dumps([LIGHT])], ids=["wrapped", "bare", "as text"]
)
@pytest.mark.parametrize("key", ["tools", "functions"])
def test_tools_are_kept_as_templates_take_them(tools: Any, key: str) -> None:
    found = recognise({"messages": [ASKS, SAYS], key: tools})
    assert isinstance(found, Good) and isinstance(found.example, Chat)
    assert [json.loads(tool) for tool in found.example.tools] == [WRAPPED]


@pytest.mark.parametrize(
    ("code", "row"),
    [
        ("not_an_object", "q"),
        ("unknown_format", {"frage": "q", "antwort": "a"}),
        ("bad_group", {"text": "t", "group": 1}),
        ("no_messages", {"messages": {}}),
        ("bad_message", {"messages": [1]}),
        ("unknown_role", {"messages": [{"role": 3, "content": "q"}, SAYS]}),
        ("content_not_text", {"messages": [ASKS | {"content": [{"type": "image_url"}]}, SAYS]}),
        ("empty_content", {"messages": [ASKS, SAYS | {"content": None}]}),
        ("empty_content", {"messages": [ASKS, SAYS | {"content": " "}]}),
        ("bad_weight", {"messages": [ASKS, SAYS | {"weight": 2}]}),
        ("bad_weight", {"messages": [ASKS, SAYS | {"weight": "1"}]}),
        ("no_supervised_turn", {"messages": [ASKS, SAYS | {"weight": False}]}),
        ("system_not_first", {"messages": [ASKS, {"role": "system", "content": "s"}, SAYS]}),
        ("last_turn_not_assistant", {"messages": [ASKS, SAYS, {"role": "tool", "content": "x"}]}),
        ("no_user_turn", {"messages": [SAYS]}),
        ("bad_tool_call", called({"tool_calls": [{"function": {"arguments": {}}}]})),
        ("bad_tool_call", called({"tool_calls": [{"name": "light", "arguments": "{"}]})),
        ("bad_tool_call", called({"tool_calls": [{"name": "light", "arguments": [1]}]})),
        ("bad_tool_call", called({"tool_calls": "light"})),
        ("bad_tool_call", {"messages": [ASKS | {"tool_calls": [{"name": "f"}]}, SAYS]}),
        ("bad_tools", {"messages": [ASKS, SAYS], "tools": [{"type": "function"}]}),
        ("bad_tools", {"messages": [ASKS, SAYS], "tools": "no json"}),
    ],
)
def test_every_refusal_has_its_code_and_says_what_to_do(code: str, row: Any) -> None:
    """Fault P16."""
    found = recognise(row)
    assert isinstance(found, Bad) and found.code == code
    assert found.message and found.hint


def test_own_names_of_keys_are_read_in_rows_and_messages() -> None:
    fields = Fields({"prompt": "frage", "completion": "antwort", "group": "id"})
    row = {"frage": "q", "antwort": "a", "id": "g"}
    assert recognise(row, fields) == Good(Chat(PAIR.turns, "g"), "prompt/completion")
    fields = Fields({"messages": "dialog", "role": "wer", "content": "was"})
    row_2 = {"dialog": [{"wer": "user", "was": "q"}, {"wer": "assistant", "was": "a"}]}
    assert recognise(row_2, fields) == Good(PAIR, "messages")
    assert recognise({"messages": [ASKS, SAYS]}, Fields({"text": "inhalt"})) == Good(
        PAIR, "messages"
    )


def test_an_answer_with_calls_is_its_text_and_its_calls() -> None:
    assert answer_of(PAIR) == "a"
    both = Chat((Turn("user", "q"), Turn("assistant", "On.", calls=(CALL,))))
    assert answer_of(both) == 'On.\n{"name":"light","arguments":{"on":true,"room":"hall"}}'
    assert last_question(both) == "q" and last_question(Text("t")) == "t"


TEXTS = st.text(max_size=12)
CALLS = st.builds(
    Call,
    TEXTS,
    st.dictionaries(TEXTS, st.integers() | TEXTS, max_size=2).map(
        lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    ),
)
TURNS = st.builds(
    Turn,
    st.sampled_from(["system", "user", "assistant", "tool"]),
    TEXTS,
    st.booleans(),
    st.lists(CALLS, max_size=2).map(tuple),
)
CHATS = st.builds(
    Chat,
    st.lists(TURNS, min_size=1, max_size=4).map(tuple),
    st.none() | TEXTS,
    st.just(()) | st.just(('{"type":"function","function":{"name":"f"}}',)),
    st.integers(0, 9),
)
EXAMPLES = CHATS | st.builds(Text, TEXTS, st.none() | TEXTS, st.integers(0, 9))


@given(EXAMPLES)
def test_a_record_gives_its_example_back(example: Example) -> None:
    assert from_record(json.loads(json.dumps(to_record(example)))) == example


@given(EXAMPLES, EXAMPLES)
def test_keys_are_equal_exactly_when_the_training_is(one: Example, other: Example) -> None:
    def bare(example: Example) -> Any:
        if isinstance(example, Text):
            return example.text.strip()
        turns = [(t.role, t.content.strip(), t.trained, t.calls) for t in example.turns]
        return turns, example.tools

    assert (key_of(one) == key_of(other)) == (bare(one) == bare(other))
