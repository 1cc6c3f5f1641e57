"""`/v1/responses`, where OpenAI's newer clients and agents begin."""

from collections.abc import Iterator, Sequence
from typing import Any

import openai
import pytest

from daemon.core.rows.examples import Call
from daemon.layout import Layout
from daemon.serving.api.response_items import ResponsesRequest
from daemon.serving.api.validation import validated
from tests.serving.house import Served, make_models, serving
from tests.serving.test_tools import Saying

CALLED = '<tool_call>\n{"name": "lamp", "arguments": {"on": true}}\n</tool_call>'
LAMP: Any = {"type": "function", "name": "lamp", "parameters": {"type": "object"}, "strict": True}


@pytest.fixture
def client(rehearsed: Served) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"http://{rehearsed.host}/v1", api_key="x", max_retries=0) as made:
        yield made


def test_the_first_example_of_openais_client_gets_its_text(client: openai.OpenAI) -> None:
    """The route was not there: 404."""
    found = client.responses.create(
        model="current", instructions="Be brief.", input="Write a story.", max_output_tokens=90
    )
    assert found.output_text.startswith("v000000 rehearses") and found.status == "completed"
    assert found.model == "rehearsal-tiny@v000000" and found.id.startswith("resp_")
    assert found.usage is not None and found.usage.output_tokens == 4
    assert found.usage.total_tokens == found.usage.input_tokens + 4
    cut = client.responses.create(model="current", input="x", max_output_tokens=2)
    assert cut.status == "incomplete" and cut.incomplete_details is not None
    assert cut.incomplete_details.reason == "max_output_tokens"


def test_a_stream_has_the_events_of_this_route_in_their_order(client: openai.OpenAI) -> None:
    told = list(client.responses.create(model="current", input="hi", stream=True))
    kinds = [event.type for event in told]
    assert kinds[:4] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
    ]
    assert kinds[-4:] == [
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [event.sequence_number for event in told] == list(range(len(told)))
    text = "".join(e.delta for e in told if e.type == "response.output_text.delta")
    last = told[-1]
    assert last.type == "response.completed" and last.response.output_text == text
    with client.responses.stream(model="current", input="hi") as stream:
        for _ in stream:
            pass
        assert stream.get_final_response().output_text == text


def test_a_call_comes_back_as_an_item_and_its_result_is_taken(tmp_path_factory: Any) -> None:
    layout = Layout(tmp_path_factory.mktemp("w"))
    make_models(layout)
    with (
        serving(layout, Saying(f"{CALLED}\n{CALLED}")) as served,
        openai.OpenAI(base_url=f"http://{served.host}/v1", api_key="x", max_retries=0) as client,
    ):
        found = client.responses.create(model="current", input="light", tools=[LAMP])
        assert [item.type for item in found.output] == ["function_call"] * 2
        call = found.output[0]
        assert call.type == "function_call" and call.arguments == '{"on":true}'
        one = client.responses.create(
            model="current", input="light", tools=[LAMP], parallel_tool_calls=False
        )
        assert len(one.output) == 1
        stream = client.responses.create(model="current", input="x", tools=[LAMP], stream=True)
        kinds = [event.type for event in stream]
        assert kinds.count("response.function_call_arguments.done") == 2
        assert kinds[-1] == "response.completed" and "response.output_text.delta" not in kinds
        result = {"type": "function_call_output", "call_id": call.call_id, "output": "on"}
        again: Any = [{"role": "user", "content": "light"}, *found.output, result]
        assert client.responses.create(model="current", input=again, tools=[LAMP]).output


def turns(items: Sequence[Any]) -> list[tuple[str, str]]:
    fields = validated(ResponsesRequest, {"input": items}).fields
    return [(turn.role, turn.content) for turn in fields.turns()]


def test_items_are_the_conversation_that_they_are() -> None:
    parts = [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}]
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    items = [
        {"role": "developer", "content": "Be brief."},
        {"type": "message", "role": "user", "content": parts},
        {"type": "reasoning", "id": "r", "summary": []},
        call,
        call | {"arguments": '{"a": 1}'},
        {"type": "function_call_output", "call_id": "c", "output": [{"text": "one"}]},
        {"role": "assistant", "content": [{"type": "output_text", "text": "done"}]},
    ]
    assert turns(items) == [
        ("system", "Be brief."),
        ("user", "ab"),
        ("assistant", ""),
        ("tool", "one"),
        ("assistant", "done"),
    ]
    fields = validated(ResponsesRequest, {"input": items}).fields
    assert fields.turns()[2].calls == (Call("f", "{}"), Call("f", '{"a":1}'))


@pytest.mark.parametrize(
    ("change", "field", "word"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id", "kept"),
        ({"conversation": "conv_1"}, "conversation", "kept"),
        ({"background": True}, "background", "false"),
        ({"input": None}, "input", "missing"),
        ({"input": []}, "input", "at least 1"),
        ({"input": [5]}, "input[0]", "a message"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input[0]", "a message"),
        ({"input": [{"role": "user"}]}, "input[0]", "content"),
        ({"input": [{"role": "god", "content": "x"}]}, "input[0].role", "'user'"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image"}]}]},
            "input[0].content[0].type",
            "pictures",
        ),
        (
            {"input": [{"type": "function_call", "name": "f", "arguments": "["}]},
            "input[0].arguments",
            "JSON object",
        ),
        ({"input": [{"type": "function_call_output"}]}, "input[0].output", "missing"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type", "'function'"),
        ({"text": {"format": {"type": "json_schema"}}}, "text.format", "form"),
        ({"max_output_tokens": 0}, "max_output_tokens", "at least 1"),
        ({"temperature": 3}, "temperature", "at most 2"),
    ],
)
def test_what_this_route_cannot_do_is_refused_by_name(
    rehearsed: Served, change: dict[str, Any], field: str, word: str
) -> None:
    reply = rehearsed.ask("POST", "/v1/responses", {"input": "hi"} | change)
    told = reply.json()["error"]
    assert reply.status == 400 and told["param"] == field
    assert field in told["message"] and word in told["message"]


def test_fields_without_a_wish_are_taken_and_unknown_ones_named(rehearsed: Served) -> None:
    body = {"input": "hi", "store": True, "previous_response_id": None, "truncation": "auto"}
    reply = rehearsed.ask("POST", "/v1/responses", body | {"include": [], "background": False})
    assert reply.status == 200 and reply.headers["x-finetuned-ignored"] == "truncation"
    bare = rehearsed.ask("POST", "/responses", {"input": "hi", "stream": True})
    assert bare.status == 200 and b"event: response.created\n" in bare.body
    assert b"[DONE]" not in bare.body
