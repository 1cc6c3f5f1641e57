"""The OpenAPI document of the server: its routes, and their bodies from the code's own types."""

from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Literal

from pydantic import TypeAdapter

from daemon.core.records import JsonObject
from daemon.serving.api.answer_types import (
    ChatAnswer,
    ErrorBody,
    ModelAnswer,
    ModelList,
    PlainAnswer,
    Recorded,
    ResponseAnswer,
    TextAnswer,
)
from daemon.serving.api.response_items import ResponsesRequest
from daemon.serving.request_bodies import (
    ChatRequest,
    CompletionRequest,
    FeedbackRequest,
    GenerateRequest,
)

REFUSALS = {
    "400": "the request cannot be answered",
    "401": "a token is needed",
    "403": "another host, origin or site",
    "404": "there is no such model",
    "408": "the body came too slowly",
    "413": "the body is too large",
    "415": "the body is not JSON",
    "422": "a field has a value that cannot be used",
    "500": "the model or the server failed",
    "503": "no model yet, or too many requests",
}
"""What every route may answer instead, by status."""

STREAM = "With `stream` the answer comes as server-sent events."


@dataclass(frozen=True)
class Described:
    """One route."""

    method: str
    path: str
    summary: str
    body: Any = None
    """The type of the request's body."""
    answer: Any = None
    """The type of the answer's body; None if it is text, or a page."""
    kind: str = "application/json"


ROUTES = (
    Described("post", "/v1/chat/completions", f"Answer a chat. {STREAM}", ChatRequest, ChatAnswer),
    Described(
        "post", "/v1/completions", f"Continue texts. {STREAM}", CompletionRequest, TextAnswer
    ),
    Described("post", "/v1/responses", f"Answer items. {STREAM}", ResponsesRequest, ResponseAnswer),
    Described("post", "/generate", f"Answer a prompt. {STREAM}", GenerateRequest, PlainAnswer),
    Described("post", "/v1/feedback", "Rate one of the newest answers.", FeedbackRequest, Recorded),
    Described("get", "/v1/models", "List what can be asked.", answer=ModelList),
    Described("get", "/v1/models/{model}", "Look up one version.", answer=ModelAnswer),
    Described("get", "/healthz", "Whether it lives.", kind="text/plain"),
    Described("get", "/readyz", "Whether there is a version to ask.", kind="text/plain"),
    Described("get", "/metrics", "Counters for Prometheus.", kind="text/plain"),
)


def document(url: str, *, needs_token: bool) -> JsonObject:
    """Return the document of a server at an address."""
    kinds = [ErrorBody, *(kind for route in ROUTES for kind in (route.body, route.answer) if kind)]
    mode: Literal["validation"] = "validation"
    inputs = [(kind.__name__, mode, TypeAdapter(kind)) for kind in kinds]
    _, schemas = TypeAdapter.json_schemas(inputs, ref_template="#/components/schemas/{model}")
    paths: dict[str, JsonObject] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method] = _operation(route)
    schemes = {"token": {"type": "http", "scheme": "bearer"}} if needs_token else {}
    return {
        "openapi": "3.1.0",
        "info": {"title": "finetuned", "version": version("finetuned")},
        "servers": [{"url": url}],
        "paths": paths,
        "components": {"schemas": _with_bounds(schemas["$defs"]), "securitySchemes": schemes},
        "security": [{name: []} for name in schemes],
    }


BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}


def _with_bounds(value: Any) -> Any:
    """Return a schema whose bounds have JSON Schema's names: some come with pydantic's own."""
    if isinstance(value, list):
        return [_with_bounds(one) for one in value]
    if not isinstance(value, dict):
        return value
    integer = value.get("type") == "integer"
    return {
        BOUNDS.get(name, name) if integer else name: _with_bounds(one)
        for name, one in value.items()
    }


def _operation(route: Described) -> JsonObject:
    answers = {"200": _content("the answer", route.answer, route.kind)}
    if STREAM in route.summary:
        events: JsonObject = {"text/event-stream": {}}
        answers["200"]["content"] = {**_json(route.answer), **events}
    answers |= {status: _content(why, ErrorBody) for status, why in REFUSALS.items()}
    found: JsonObject = {
        "summary": route.summary,
        "operationId": route.path.strip("/").translate(str.maketrans("/{}", "___")),
        "responses": answers,
    }
    if route.body is not None:
        found["requestBody"] = {"required": True, "content": _json(route.body)}
    if "{model}" in route.path:
        schema = {"type": "string", "minLength": 1}
        found["parameters"] = [{"name": "model", "in": "path", "required": True, "schema": schema}]
    return found


def _content(why: str, kind: Any, media: str = "application/json") -> dict[str, Any]:
    content = {media: {"schema": {"type": "string"}}} if kind is None else _json(kind)
    return {"description": why, "content": content}


def _json(kind: Any) -> JsonObject:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{kind.__name__}"}}}
