"""The OpenAPI document: it has every route, and what the server takes and answers is as it says."""

from typing import Any

import jsonschema
import pytest
from starlette.routing import Route

from daemon.serving.api.answer_types import (
    ChatAnswer,
    ErrorBody,
    ModelAnswer,
    ModelList,
    PlainAnswer,
    ResponseAnswer,
    TextAnswer,
)
from daemon.serving.api.openapi import ROUTES, document
from daemon.serving.routes import make_router
from tests.serving import api_fuzz
from tests.serving.house import Served
from tests.serving.test_structured import FORMAT, LAMP

HI: Any = [{"role": "user", "content": "hi"}]
TOOLS: Any = {"tools": [LAMP], "tool_choice": "required"}
RESPONSE_TOOLS: Any = {
    "tools": [{"type": "function", **LAMP["function"]}],
    "tool_choice": {"type": "function", "name": "lamp"},
}
SEED, CALLS = 20261130, 64


def test_every_route_but_pages_is_described(rehearsed: Served) -> None:
    described = {(route.method.upper(), route.path) for route in ROUTES}
    found = {
        (method, route.path)
        for route in make_router(rehearsed.handler, []).routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }
    without = {
        ("GET", "/openapi.json"),
        ("GET", "/favicon.ico"),
        # It only says that there are none.
        ("POST", "/v1/embeddings"),
    }
    known = {(method, path.replace("{model:path}", "{model}")) for method, path in found}
    assert known - without == described


@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        ("/generate", {"prompt": "hi"}, PlainAnswer),
        ("/v1/chat/completions", {"messages": HI, "n": 2, "logprobs": True}, ChatAnswer),
        ("/v1/chat/completions", {"messages": HI, **TOOLS}, ChatAnswer),
        ("/v1/chat/completions", {"messages": HI, "response_format": FORMAT}, ChatAnswer),
        ("/v1/completions", {"prompt": ["a", "b"], "echo": True, "logprobs": 2}, TextAnswer),
        ("/v1/completions", {"prompt": [[5, 6], [7]], "max_tokens": 0}, TextAnswer),
        ("/v1/responses", {"input": "hi", "instructions": "x", "top_p": 0.5}, ResponseAnswer),
        ("/v1/responses", {"input": HI, **RESPONSE_TOOLS}, ResponseAnswer),
        ("/v1/chat/completions", {"messages": []}, ErrorBody),
        ("/generate", {"prompt": 5}, ErrorBody),
        ("/v1/models", None, ModelList),
        ("/v1/models/current", None, ModelAnswer),
        ("/v1/models/nobody", None, ErrorBody),
    ],
)
def test_bodies_are_what_the_document_says(
    rehearsed: Served, path: str, body: Any, kind: Any
) -> None:
    """No body was described anywhere but in prose."""
    reply = rehearsed.ask("GET" if body is None else "POST", path, body)
    kind.model_validate_json(reply.body)
    schemas = rehearsed.ask("GET", "/openapi.json").json()["components"]
    about = {"$ref": f"#/components/schemas/{kind.__name__}", "components": schemas}
    jsonschema.validate(reply.json(), about)
    if reply.status == 200 and body is not None:
        (route,) = (one for one in ROUTES if one.path == path)
        jsonschema.validate(
            body,
            {"$ref": f"#/components/schemas/{route.body.__name__}", "components": schemas},
        )


def test_a_token_is_part_of_it_where_one_is_needed() -> None:
    assert document("http://x", needs_token=True)["security"] == [{"token": []}]
    assert document("http://x", needs_token=False)["security"] == []


def test_calls_made_up_from_it_never_fail_and_mostly_succeed(rehearsed: Served) -> None:
    """A name of blanks at the end of the ignored fields closed the connection without an answer."""
    outcome = api_fuzz.call(f"http://{rehearsed.host}", CALLS, SEED)
    assert outcome.calls >= CALLS and 2 * outcome.good >= outcome.calls


@pytest.mark.parametrize("name", ["", " ", "a ", "\x7f", "\x85", "\u2028", "é"])
def test_the_name_of_an_ignored_field_never_breaks_the_head(rehearsed: Served, name: str) -> None:
    reply = rehearsed.ask("POST", "/generate", {"prompt": "hi", name: 1})
    assert reply.status == 200 and reply.headers["x-finetuned-ignored"]
