"""Rows that programs export are read where their meaning is certain, and else named."""

from typing import Any

import pytest

from daemon.core.rows.examples import Call, Chat, Turn
from daemon.core.rows.formats import Good, recognise
from daemon.core.rows.refusal import Bad

U: dict[str, Any] = {"role": "user", "content": "q"}
A: dict[str, Any] = {"role": "assistant", "content": "a"}
PAIR = Chat((Turn("user", "q"), Turn("assistant", "a")))
RULED = Chat((Turn("system", "s"), *PAIR.turns))
CALLED = Chat(
    (
        Turn("user", "q"),
        Turn("assistant", "", calls=(Call("f", '{"x":1}'),)),
        Turn("tool", "r"),
        Turn("assistant", "a"),
    )
)
TEXT_BLOCK = [{"type": "text", "text": "a"}]


def node(name: str, role: str, text: str, parent: str | None, *below: str) -> dict[str, Any]:
    message = {"author": {"role": role}, "content": {"content_type": "text", "parts": [text]}}
    return {"id": name, "message": message, "parent": parent, "children": list(below)}


def saved(name: str, role: str, text: str, parent: str | None, *below: str) -> dict[str, Any]:
    return {
        "id": name,
        "parentId": parent,
        "childrenIds": list(below),
        "role": role,
        "content": text,
        "timestamp": 1,
    }


MAPPING = {
    "r": {"id": "r", "message": None, "parent": None, "children": ["h"]},
    "h": node("h", "system", "", "r", "u"),
    "u": node("u", "user", "q", "h", "x", "y"),
    "x": node("x", "assistant", "first try", "u"),
    "y": node("y", "assistant", "a", "u"),
}
SAVED = {"1": saved("1", "user", "q", None, "2"), "2": saved("2", "assistant", "a", "1")}


@pytest.mark.parametrize(
    ("row", "example"),
    [
        ([U, A], PAIR),
        ({"row_idx": 0, "row": {"prompt": "q", "completion": "a"}, "truncated_cells": []}, PAIR),
        ({"data": {"messages": [U, A]}, "id": 7}, PAIR),
        ({"conversation": {"messages": [U, A]}}, PAIR),
        (
            {
                "contents": [
                    {"role": "user", "parts": [{"text": "q"}]},
                    {"role": "model", "parts": [{"text": "a"}]},
                ],
                "systemInstruction": {"parts": [{"text": "s"}]},
            },
            RULED,
        ),
        (
            {
                "contents": [
                    {"role": "user", "parts": [{"text": "q"}]},
                    {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"x": 1}}}]},
                    {
                        "role": "user",
                        "parts": [{"functionResponse": {"name": "f", "response": "r"}}],
                    },
                    {"role": "model", "parts": [{"text": "a"}]},
                ]
            },
            CALLED,
        ),
        ({"system": "s", "messages": [U, {"role": "assistant", "content": TEXT_BLOCK}]}, RULED),
        (
            {
                "messages": [
                    U,
                    {
                        "role": "assistant",
                        "content": [
                            {"type": "tool_use", "id": "1", "name": "f", "input": {"x": 1}}
                        ],
                    },
                    {
                        "role": "user",
                        "content": [
                            {
                                "type": "tool_result",
                                "tool_use_id": "1",
                                "content": [{"type": "text", "text": "r"}],
                            }
                        ],
                    },
                    A,
                ]
            },
            CALLED,
        ),
        (
            {
                "input": [{"role": "user", "content": [{"type": "input_text", "text": "q"}]}],
                "output": [
                    {
                        "type": "message",
                        "role": "assistant",
                        "content": [{"type": "output_text", "text": "a"}],
                    }
                ],
                "instructions": "s",
            },
            RULED,
        ),
        (
            {
                "input": [
                    U,
                    {"type": "function_call", "name": "f", "arguments": '{"x": 1}'},
                    {"type": "function_call_output", "output": "r"},
                ],
                "output": [{"type": "message", "role": "assistant", "content": "a"}],
            },
            CALLED,
        ),
        (
            {
                "id": "c",
                "object": "chat.completion",
                "messages": [U],
                "choices": [{"index": 0, "message": A, "finish_reason": "stop"}],
            },
            PAIR,
        ),
        ({"request": {"messages": [U]}, "response": {"choices": [{"message": A}]}}, PAIR),
        (
            {
                "request": {"body": {"system": "s", "messages": [U]}},
                "response": {"body": {"role": "assistant", "content": TEXT_BLOCK}},
            },
            RULED,
        ),
        ({"input": {"messages": [U]}, "output": A}, PAIR),
        ({"messages": [U], "response": "a"}, PAIR),
        ({"messages": [U], "ideal": "a"}, PAIR),
        ({"inputs": {"question": "q"}, "outputs": {"answer": "a"}}, PAIR),
        ({"input": {"text": "q"}, "output": {"text": "a"}}, PAIR),
        ({"id": "1", "turns": 2, "messages": [U, A]}, PAIR),
        ({"title": "t", "mapping": MAPPING, "create_time": 1.0}, PAIR),
        ({"mapping": MAPPING, "current_node": "y"}, PAIR),
        ({"id": "x", "title": "t", "chat": {"title": "t", "messages": [U, A]}}, PAIR),
        ({"chat": {"history": {"messages": SAVED, "currentId": "2"}, "system": "s"}}, RULED),
    ],
)
def test_an_export_gives_the_conversation_that_it_holds(row: Any, example: Chat) -> None:
    found = recognise(row)
    assert isinstance(found, Good), found
    assert found.example == example and not found.reading.unread


def test_answers_that_were_asked_for_again_are_told() -> None:
    found = recognise({"mapping": MAPPING, "current_node": "x"})
    assert isinstance(found, Good) and isinstance(found.example, Chat)
    assert found.example.turns[-1].content == "first try"
    assert found.reading.notes == ("other_branches",)


@pytest.mark.parametrize(
    ("code", "row"),
    [
        (
            "request_alone",
            {
                "custom_id": "1",
                "method": "POST",
                "url": "/v1/chat/completions",
                "body": {"model": "m", "messages": [U]},
            },
        ),
        (
            "answer_alone",
            {
                "custom_id": "1",
                "response": {"status_code": 200, "body": {"choices": [{"message": A}]}},
                "error": None,
            },
        ),
        (
            "several_answers",
            {"messages": [U], "choices": [{"index": 0, "message": A}, {"index": 1, "message": A}]},
        ),
        (
            "unknown_format",
            {
                "mapping": {
                    "a": node("a", "user", "q", "b", "b"),
                    "b": node("b", "assistant", "a", "a", "a"),
                }
            },
        ),
        ("content_not_text", {"input": {"text": "q"}, "output": {"name": "f", "arguments": {}}}),
        (
            "content_not_text",
            {
                "contents": [
                    {"role": "user", "parts": [{"inlineData": {"data": "x"}}]},
                    {"role": "model", "parts": [{"text": "a"}]},
                ]
            },
        ),
    ],
)
def test_an_export_that_cannot_be_read_is_named(code: str, row: Any) -> None:
    found = recognise(row)
    assert isinstance(found, Bad) and found.code == code, found
    assert found.hint
