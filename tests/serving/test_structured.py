"""Answers that are held to a form: JSON, a schema, a tool call."""

import json
from collections.abc import Iterator
from typing import Any, Literal

import jsonschema
import openai
import pytest
from pydantic import BaseModel

from daemon.clock import SystemClock
from daemon.layout import Layout
from daemon.serving.mlx_engine import MlxEngine
from daemon.serving.rehearsal import RehearsalEngine
from tests.serving.house import Served, events, make_models, serving
from tests.serving.two_versions import NAMES, two_versions

HI: Any = [{"role": "user", "content": "hi"}]
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "kind": {"enum": ["zebra", "quagga"]},
        "count": {"type": "integer", "minimum": 3, "maximum": 9},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 4}, "maxItems": 2},
        "seen": {"type": "boolean"},
        "by": {"$ref": "#/$defs/name"},
    },
    "required": ["kind", "count", "tags", "seen", "by"],
    "$defs": {"name": {"type": "string", "minLength": 1, "maxLength": 5}},
}
PARAMETERS = {
    "type": "object",
    "properties": {"on": {"type": "boolean"}},
    "required": ["on"],
    "additionalProperties": False,
}
LAMP: Any = {"type": "function", "function": {"name": "lamp", "parameters": PARAMETERS}}
DOOR: Any = {"type": "function", "function": {"name": "door", "parameters": PARAMETERS}}
FORMAT: Any = {"type": "json_schema", "json_schema": {"name": "seen", "schema": SCHEMA}}


class Sighting(BaseModel):
    kind: Literal["zebra", "quagga"]
    count: int
    seen: bool


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    return two_versions(Layout(tmp_path_factory.mktemp("w")))


@pytest.fixture(scope="module")
def real(layout: Layout) -> Iterator[Served]:
    """A server with a tiny random model, which writes no JSON of its own."""
    with serving(layout, MlxEngine(versions=3), at_once=8, max_tokens=400) as served:
        yield served


def chat(served: Served, **fields: Any) -> Any:
    reply = served.ask("POST", "/v1/chat/completions", {"messages": HI, **fields})
    assert reply.status == 200, reply.body
    return reply.json()["choices"]


@pytest.mark.parametrize("temperature", [0, 1.5])
def test_a_schema_is_followed_by_a_model_that_would_say_something_else(
    real: Served, temperature: float
) -> None:
    """`response_format` was refused: an answer could not be held to a form."""
    for model in ("base", *NAMES):
        fields = {"model": model, "temperature": temperature, "seed": 7, "n": 3}
        for choice in chat(real, response_format=FORMAT, **fields):
            assert choice["finish_reason"] == "stop"
            jsonschema.validate(json.loads(choice["message"]["content"]), SCHEMA)


def test_a_constrained_row_changes_nothing_of_the_plain_rows_beside_it(real: Served) -> None:
    alone = chat(real, model="v1", max_tokens=30)[0]["message"]
    body = {"messages": HI, "model": "v1", "max_tokens": 90, "response_format": FORMAT}
    with real.connect() as line:
        data = json.dumps(body | {"stream": True}).encode()
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: {real.host}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        line.sendall(head.encode() + data)
        assert chat(real, model="v1", max_tokens=30)[0]["message"] == alone


def test_a_stream_gives_the_same_json_and_scores_are_of_the_model_itself(real: Served) -> None:
    whole = chat(real, response_format=FORMAT, logprobs=True)[0]
    body = {"messages": HI, "response_format": FORMAT, "stream": True}
    found = events(real.ask("POST", "/v1/chat/completions", body).body)[:-1]
    text = "".join(one["choices"][0]["delta"].get("content") or "" for one in found)
    assert text == whole["message"]["content"]
    assert all(token["logprob"] <= 0 for token in whole["logprobs"]["content"])


def test_json_object_is_an_object_and_an_answer_that_is_cut_says_so(real: Served) -> None:
    (cut,) = chat(real, response_format={"type": "json_object"}, max_tokens=2)
    assert cut["finish_reason"] == "length" and cut["message"]["content"].startswith("{")


def test_a_demanded_call_comes_whatever_the_model_would_say(real: Served) -> None:
    """`tool_choice: required` was refused: a call could not be forced."""
    for choice, names in (
        ("required", {"lamp", "door"}),
        ("any", {"lamp", "door"}),
        ({"type": "function", "function": {"name": "door"}}, {"door"}),
    ):
        (answer,) = chat(real, tools=[LAMP, DOOR], tool_choice=choice)
        assert answer["finish_reason"] == "tool_calls"
        (call,) = answer["message"]["tool_calls"]
        assert call["function"]["name"] in names
        jsonschema.validate(json.loads(call["function"]["arguments"]), PARAMETERS)


def test_a_response_is_held_to_its_text_format_and_calls_are_items(real: Served) -> None:
    form = {"type": "json_schema", "name": "seen", "schema": SCHEMA, "strict": True}
    reply = real.ask("POST", "/v1/responses", {"input": "hi", "text": {"format": form}}).json()
    jsonschema.validate(json.loads(reply["output"][0]["content"][0]["text"]), SCHEMA)
    assert reply["text"]["format"] == form
    tool = {"type": "function", **LAMP["function"], "strict": True}
    choice = {"type": "function", "name": "lamp"}
    body = {"input": "hi", "tools": [tool], "tool_choice": choice}
    found = real.ask("POST", "/v1/responses", body).json()
    assert found["output"][0]["name"] == "lamp" and found["tool_choice"] == choice
    assert found["tools"][0]["strict"] is True


def test_generate_takes_a_schema(real: Served) -> None:
    reply = real.ask("POST", "/generate", {"prompt": "hi", "schema": SCHEMA}).json()
    jsonschema.validate(json.loads(reply["text"]), SCHEMA)


def test_a_strict_tool_leaves_other_answers_as_they_are(real: Served) -> None:
    strict = {"type": "function", "function": LAMP["function"] | {"strict": True}}
    plain = chat(real, tools=[LAMP], max_tokens=30)
    assert chat(real, tools=[strict], max_tokens=30) == plain


@pytest.mark.parametrize(
    ("change", "field", "word"),
    [
        ({"response_format": {"type": "xml"}}, "response_format.type", "json_schema"),
        ({"response_format": {"type": "json_schema"}}, "response_format", "json_schema"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}},
            "response_format.json_schema.schema",
            "missing",
        ),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {
                        "schema": {"properties": {"a": {"items": {"uniqueItems": True}}}}
                    },
                }
            },
            "response_format.json_schema.schema.properties.a.items",
            "uniqueItems",
        ),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"schema": {"$ref": "http://127.0.0.1/x"}},
                }
            },
            "response_format.json_schema.schema",
            "127.0.0.1",
        ),
        ({"tool_choice": "required"}, "tool_choice", "none is offered"),
        (
            {"tools": [LAMP], "tool_choice": {"type": "function", "function": {"name": "x"}}},
            "tool_choice",
            "not offered",
        ),
        ({"tools": [LAMP], "tool_choice": "perhaps"}, "tool_choice", "'required'"),
        (
            {
                "tools": [
                    {
                        "type": "function",
                        "function": {"name": "f", "parameters": {"not": {}}, "strict": True},
                    }
                ],
            },
            "tools[0].function.parameters",
            "not",
        ),
        ({"guided_json": {}}, "guided_json", "response_format"),
    ],
)
def test_a_form_that_cannot_be_followed_is_refused_by_its_path(
    rehearsed: Served, change: dict[str, Any], field: str, word: str
) -> None:
    reply = rehearsed.ask("POST", "/v1/chat/completions", {"messages": HI} | change)
    error = reply.json()["error"]
    assert reply.status == 400 and error["param"] == field, error
    assert field in error["message"] and word in error["message"]


def test_hostile_schemas_are_refused_in_time(rehearsed: Served) -> None:
    """A schema is compiled outside the model's thread, with limits on its size and its work."""
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(200):
        deep = {"type": "array", "items": deep}
    for schema in (
        {"enum": ["x" * 100] * 700},
        {"type": "string", "pattern": "(((a{1,200}){1,200}){1,200}){1,200}"},
        {"type": "array", "items": {"type": "string"}, "minItems": 2_000_000},
        {"anyOf": [deep] * 20},
        {"$ref": "#"},
    ):
        form = {"type": "json_schema", "json_schema": {"schema": schema}}
        body = {"messages": HI, "response_format": form, "max_tokens": 5}
        reply = rehearsed.ask("POST", "/v1/chat/completions", body)
        assert reply.status in (200, 400), (schema, reply.body)


def test_openais_client_parses_what_a_rehearsal_answers(tmp_path_factory: Any) -> None:
    """A rehearsal obeys forms too, so that clients can be tried without a model."""
    layout = Layout(tmp_path_factory.mktemp("w"))
    make_models(layout)
    with (
        serving(layout, RehearsalEngine(SystemClock(), 0.0)) as served,
        openai.OpenAI(base_url=f"http://{served.host}/v1", api_key="x", max_retries=0) as client,
    ):
        parsed = client.chat.completions.parse(
            model="current", messages=HI, response_format=Sighting
        )
        assert isinstance(parsed.choices[0].message.parsed, Sighting)
        response = client.responses.parse(model="current", input="hi", text_format=Sighting)
        assert isinstance(response.output_parsed, Sighting)
        tool = openai.pydantic_function_tool(Sighting, name="report")
        called = client.chat.completions.parse(
            model="current", messages=HI, tools=[tool], tool_choice="required"
        )
        calls = called.choices[0].message.tool_calls
        assert calls and isinstance(calls[0].function.parsed_arguments, Sighting)
