"""Reads rows exported by programs: wrapped rows, API requests with responses, saved chats.

Each becomes an ordinary row where that is unambiguous; otherwise it is refused with a hint.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from daemon.core.records import JsonObject
from daemon.core.rows.forms.names import known_as, meaning_of
from daemon.core.rows.forms.parts import decoded
from daemon.core.rows.forms.trees import branch_of
from daemon.core.rows.readings import Note
from daemon.core.rows.refusal import Bad

REQUESTS = ("request", "body", "input", "inputs", "kwargs")
ANSWERS = ("response", "output", "outputs", "choices", "candidates")


@dataclass(frozen=True, slots=True)
class Plain:
    """An ordinary row, taken out of an export."""

    row: JsonObject
    form: str
    consumed: frozenset[str]
    """Keys of the outer row that it was taken from."""
    notes: tuple[Note, ...] = ()


def plain_of(row: JsonObject) -> Plain | Bad | None:
    """Return the row within an export; None if it is not an export."""
    by_name = {known_as(key): key for key in row}
    for read in (_wrapped, _chatgpt, _saved_chat, _gemini, _preferred, _exchange, _both_sides):
        found = read(row, by_name)
        if found is not None:
            return found
    return None


def _wrapped(row: JsonObject, by_name: dict[str, str]) -> Plain | None:
    """Unwrap `{"row_idx": 0, "row": {…}}` and the like: one object beside nothing but metadata."""
    keys = [key for key in row if meaning_of(key) == "wrapper" and isinstance(row[key], dict)]
    others = [
        key
        for key in row
        if key not in keys and meaning_of(key) not in ("metadata", "group", "variant_of")
    ]
    if len(keys) != 1 or others:
        return None
    outer: JsonObject = {key: row[key] for key in ("group", "variant_of") if key in row}
    inner = row[keys[0]]
    assert isinstance(inner, dict), "it is chosen by that"
    return Plain({**outer, **inner}, keys[0], frozenset((*keys, *outer)))


def _chatgpt(row: JsonObject, by_name: dict[str, str]) -> Plain | Bad | None:
    key = by_name.get("mapping")
    nodes = None if key is None else row[key]
    if key is None or not isinstance(nodes, dict):
        return None
    path = branch_of(nodes, row.get("current_node"), "parent", "children")
    if path is None:
        message = "the chat of ChatGPT's export has no first message"
        return Bad("unknown_format", message, _EXPORT_HINT)
    found = [nodes[name].get("message") for name in path if isinstance(nodes[name], dict)]
    messages = [message for message in found if _is_shown(message)]
    if any(message.get("recipient") not in (None, "all") for message in messages):
        return Bad(
            "unknown_format", "the chat of ChatGPT's export uses ChatGPT's own tools", _EXPORT_HINT
        )
    every = sum(1 for node in nodes.values() if _is_shown(dict(node or {}).get("message")))
    notes: tuple[Note, ...] = ("other_branches",) if every > len(messages) else ()
    title = frozenset(by_name[name] for name in ("title", "current_node") if name in by_name)
    return Plain({"messages": messages}, "chatgpt export", frozenset((key, *title)), notes)


_EXPORT_HINT = "leave it out, or write its turns as messages"


def _is_shown(message: Any) -> bool:
    """Return whether a message of ChatGPT's export was visible to its user."""
    if not isinstance(message, Mapping):
        return False
    content, about = message.get("content"), message.get("metadata")
    if isinstance(about, Mapping) and about.get("is_visually_hidden_from_conversation"):
        return False
    if not isinstance(content, Mapping):
        return bool(content)
    if content.get("content_type") in ("user_editable_context", "model_editable_context"):
        return False
    parts = content.get("parts")
    if isinstance(parts, list):
        return any(part not in ("", None) for part in parts)
    return bool(content.get("text"))


def _saved_chat(row: JsonObject, by_name: dict[str, str]) -> Plain | None:
    """Read chats of Open WebUI's export, and conversations stored as an object."""
    key = next(
        (key for key in row if meaning_of(key) == "messages" and isinstance(row[key], dict)), None
    )
    saved = row if key is None else row[key]
    assert isinstance(saved, dict), "it is chosen by that"
    chat: JsonObject = saved
    held = chat.get("history")
    nodes = held.get("messages") if isinstance(held, dict) else None
    messages: Any = chat.get("messages")
    notes: tuple[Note, ...] = ()
    if isinstance(held, dict) and isinstance(nodes, dict) and nodes:
        path = branch_of(nodes, held.get("currentId"), "parentId", "childrenIds")
        if path is not None:
            messages = [nodes[name] for name in path]
            notes = ("other_branches",) if len(nodes) > len(path) else ()
    elif key is None:
        return None
    if not isinstance(messages, list):
        return None
    given = chat.get("params")
    params: JsonObject = given if isinstance(given, dict) else {}
    plain = {name: value for name, value in chat.items() if meaning_of(name) != "metadata"}
    for name in ("history", "params", "title", "timestamp", "files"):
        plain.pop(name, None)
    if isinstance(params.get("system"), str):
        plain.setdefault("system", params["system"])
    plain["messages"] = messages
    outer = {
        name: row[name]
        for name in row
        if key is not None and name in ("system", "tools", "group", "variant_of")
    }
    consumed = {*outer, "title"} | ({key} if key is not None else set(row))
    form = "chat export" if nodes else "messages"
    return Plain({**plain, **outer}, form, frozenset(consumed), notes)


def _gemini(row: JsonObject, by_name: dict[str, str]) -> Plain | None:
    key = by_name.get("contents")
    contents = None if key is None else row[key]
    if key is None or not isinstance(contents, list):
        return None
    consumed, messages = {key}, list(contents)
    plain: JsonObject = {"messages": messages}
    for name in ("system_instruction", "systeminstruction", "system", "tools"):
        if (own := by_name.get(name)) is not None:
            consumed.add(own)
            plain["tools" if name == "tools" else "system"] = row[own]
    own = by_name.get("candidates") or by_name.get("response")
    answer = _answer_in(row[own]) if own is not None else None
    if own is not None and isinstance(answer, list):
        consumed.add(own)
        messages += answer
    return Plain(plain, "gemini", frozenset(consumed))


def _preferred(row: JsonObject, by_name: dict[str, str]) -> Plain | None:
    """Read OpenAI's preference rows, whose prompt is a whole request."""
    key = by_name.get("input")
    sides = [own for own in row if meaning_of(own) in ("chosen", "rejected")]
    if key is None or not sides or not isinstance(row[key], dict):
        return None
    request = _request_in(row[key])
    if request is None:
        return None
    return Plain(request | {own: row[own] for own in sides}, "preference", frozenset((key, *sides)))


def _sides_of(row: JsonObject, by_name: dict[str, str]) -> tuple[str | None, str | None]:
    """Return the key of a request, and the key of its response."""
    named = [by_name[name] for name in REQUESTS if name in by_name]
    request = next((key for key in named if isinstance(row[key], dict | list)), None)
    answers = [by_name[name] for name in ANSWERS if name in by_name]
    return request, next((key for key in answers if _answer_in(row[key]) is not None), None)


def _exchange(row: JsonObject, by_name: dict[str, str]) -> Plain | Bad | None:
    """Read a request beside its response: batches, stored completions, server logs."""
    request_key, response_key = _sides_of(row, by_name)
    request = _request_in(row[request_key]) if request_key is not None else None
    if request is None and "messages" in row and response_key is not None:
        request = _request_in(row)
        request_key = "messages"
    if request is None and response_key is None:
        return None
    if request is None or request_key is None:
        if _has_request(row) or response_key is None or isinstance(row[response_key], list):
            return None
        return Bad(
            "answer_alone",
            f"{response_key!r} holds an API's response without its request",
            "join it with its request: write both as messages",
        )
    if response_key is None:
        others = (meaning_of(key) for key in row if key != request_key)
        if any(meaning in ("completion", "late_completion") for meaning in others):
            return None
        return _request_alone(request, request_key)
    answer = _answer_in(row[response_key])
    if isinstance(answer, Bad) or answer is None:
        return answer
    plain = request | {"messages": [*_as_messages(request["messages"]), *answer]}
    outer = {
        name: row[name]
        for name in ("tools", "system", "instructions", "group", "variant_of")
        if name in row
    }
    if "instructions" in outer:
        outer["system"] = outer.pop("instructions")
    return Plain(
        plain | outer,
        "request and response",
        frozenset((request_key, response_key, *outer, "instructions")),
    )


def _both_sides(row: JsonObject, by_name: dict[str, str]) -> Plain | None:
    """Read `{"inputs": {"question": …}, "outputs": {"answer": …}}`, as tracing tools log it."""
    request_key = by_name.get("inputs", by_name.get("input", ""))
    response_key = by_name.get("outputs", by_name.get("output", ""))
    one, other = row.get(request_key), row.get(response_key)
    if not isinstance(one, dict) or not isinstance(other, dict):
        return None
    answers = [key for key in other if meaning_of(key) in ("completion", "late_completion")]
    if len(answers) == 1 and _has_request(one) and not set(one) & set(other):
        return Plain({**one, **other}, "inputs and outputs", frozenset((request_key, response_key)))
    if list(one) != list(other) or len(one) != 1:
        return None
    plain = {"input": next(iter(one.values())), "output": next(iter(other.values()))}
    return Plain(plain, "inputs and outputs", frozenset((request_key, response_key)))


def _has_request(row: Mapping[str, object]) -> bool:
    return any(
        meaning_of(key) in ("prompt", "input", "messages", "text", "context")
        and row[key] not in ("", [], {})
        for key in row
    )


def _request_alone(request: JsonObject, key: str) -> Bad | None:
    messages = request["messages"]
    last = messages[-1] if isinstance(messages, list) and messages else None
    if isinstance(last, Mapping) and last.get("role") == "assistant":
        return None
    return Bad(
        "request_alone",
        f"{key!r} holds a request to an API without its answer",
        "join it with its response: write both as messages",
    )


def _request_in(value: Any) -> JsonObject | None:
    """Return an API request as a row with messages; None if it is not a request."""
    if isinstance(value, list):
        return {"messages": value} if _are_messages(value) else None
    if not isinstance(value, Mapping):
        return None
    inner = value.get("body")
    if isinstance(inner, Mapping):
        return _request_in(inner)
    for name in ("messages", "input", "contents"):
        found = value.get(name)
        if _are_messages(found) or (name == "input" and isinstance(found, str) and found.strip()):
            request = {"messages": found}
            for own, known in (
                ("system", "system"),
                ("instructions", "system"),
                ("systemInstruction", "system"),
                ("tools", "tools"),
                ("functions", "tools"),
            ):
                if value.get(own):
                    request[known] = value[own]
            return request
    return None


def _are_messages(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(
            isinstance(item, Mapping) and ("role" in item or "type" in item or "from" in item)
            for item in value
        )
    )


def _as_messages(value: Any) -> list[object]:
    return [{"role": "user", "content": value}] if isinstance(value, str) else list(value)


def _answer_in(value: Any) -> list[object] | Bad | None:
    """Return the messages in an API's response; None if it is not a response."""
    value = decoded(value) if isinstance(value, str) and value.lstrip()[:1] == "{" else value
    if isinstance(value, Mapping):
        for name in ("body", "response", "choices", "candidates", "output", "message"):
            if isinstance(value.get(name), dict | list) and value[name]:
                return _answer_in(value[name])
        if value.get("role") in ("assistant", "model") and ("content" in value or "parts" in value):
            return [value]
        content = value.get("content")
        if isinstance(content, Mapping) and "parts" in content:
            return [{"role": "model", **content}]
        return None
    if not isinstance(value, list) or not value or not isinstance(value[0], Mapping):
        return None
    if "message" in value[0] or "finish_reason" in value[0] or "finishReason" in value[0]:
        if len(value) > 1:
            return Bad("several_answers", "the response has several answers", "keep one of them")
        return _answer_in(value[0])
    items: list[object] = [item for item in value if isinstance(item, Mapping)]
    if all(
        item.get("type") in ITEMS for item in value if isinstance(item, Mapping)
    ) or _are_messages(items):
        return items
    return None


ITEMS = ("message", "reasoning", "function_call", "function_call_output")
