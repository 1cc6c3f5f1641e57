"""Parses the content of a message, text or parts, into texts, tool calls, results and reasoning.

Parts are those of OpenAI's chats and Responses, Anthropic's blocks and Gemini's parts.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from daemon.core.rows.examples import Call, compact
from daemon.core.rows.forms.names import known_as
from daemon.core.rows.refusal import Bad

TEXT_KINDS = frozenset(("text", "input_text", "output_text", "summary_text", "refusal", "markdown"))
THOUGHT_KINDS = frozenset(("thinking", "reasoning", "thought", "reasoning_text", "think"))
CALL_KINDS = frozenset(("tool_use", "function_call", "tool_call", "server_tool_use"))
RESULT_KINDS = frozenset(("tool_result", "function_call_output", "tool_response"))
CALL_HINT = 'write {"function": {"name": "…", "arguments": {…}}}'
_FIRST_SPEAKER = re.compile(
    r"\s*(?:#+ ?|\*\*|<)?(?:system|user|human|instruction|question|q)(?:\*\*|>)?\s*:", re.I
)
_ANSWERS = re.compile(
    # Possessive, and within a line: a row of blanks alone took hours.
    r"\n[ \t]*+(?:#+ ?|\*\*|<)?(?:assistant|gpt|ai|bot|model|response|answer|a)(?:\*\*|>)?\s*:",
    re.I,
)
MOST_DECODED = 4
"""How many times JSON encoded as text within JSON is decoded."""


@dataclass(slots=True)
class MessageContent:
    """The content of one message."""

    texts: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    results: list[str] = field(default_factory=list)
    """Results of tools among the parts of a message."""

    @property
    def text(self) -> str:
        """All texts joined."""
        return "".join(self.texts)


def plain_text(value: Any) -> str | None:
    """Return a text, or a number or truth value as JSON writes it; None for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    return None


def is_transcript(text: str) -> bool:
    """Return whether a text is a conversation, each turn behind the name of who speaks."""
    return _FIRST_SPEAKER.match(text) is not None and _ANSWERS.search(text) is not None


def stands_in(text: str, longer: str) -> bool:
    """Return whether a text occurs in another one as whole words."""
    at = longer.find(text)
    if at < 0:
        return False
    around = longer[max(0, at - 1) : at][-1:], longer[at + len(text) : at + len(text) + 1]
    edges = text[:1], text[-1:]
    return not any(a.isalnum() and b.isalnum() for a, b in zip(around, edges, strict=True))


def parsed(text: str) -> Any:
    """Return the value of a JSON text; None if it is not JSON."""
    try:
        return json.loads(text, parse_constant=lambda name: None)
    except (ValueError, RecursionError):
        return None


def decoded(value: Any) -> Any:
    """Return the value of a JSON text, even if it was encoded several times."""
    for _ in range(MOST_DECODED):
        if not isinstance(value, str):
            return value
        value = parsed(value) if value.strip() else {}
    return value


def content_in(content: Any, number: int, key: str) -> MessageContent | Bad:
    """Parse the content of a message."""
    found = MessageContent()
    wrong = _take(content, found, number, key)
    return found if wrong is None else wrong


def _take(content: Any, found: MessageContent, number: int, key: str) -> Bad | None:
    text = plain_text(content)
    if text is not None:
        found.texts.append(text)
        return None
    if isinstance(content, list):
        for part in content:
            if part is not None and (wrong := _take_part(part, found, number, key)) is not None:
                return wrong
        return None
    if isinstance(content, dict):
        return _take_part(content, found, number, key)
    return None


def _take_part(part: Any, found: MessageContent, number: int, key: str) -> Bad | None:
    if isinstance(part, str):
        found.texts.append(part)
        return None
    if not isinstance(part, Mapping):
        return _not_text(type(part).__name__, number, key)
    kind = known_as(str(part.get("type") or part.get("content_type") or ""))
    text = _text_of(part)
    if kind in THOUGHT_KINDS or part.get("thought") is True:
        found.reasoning += [_thought_of(part)]
        return None
    if kind in CALL_KINDS or "functionCall" in part or "function_call" in part:
        called = call_of(part.get("functionCall") or part.get("function_call") or part, number)
        if isinstance(called, Bad):
            return called
        found.calls.append(called)
        return None
    if kind in RESULT_KINDS or "functionResponse" in part or "function_response" in part:
        found.results.append(result_text(_result_of(part)))
        return None
    if kind in ("", "multimodal_text", "text") and isinstance(part.get("parts"), list):
        return _take(part["parts"], found, number, key)
    if (kind in TEXT_KINDS or not kind) and text is not None:
        found.texts.append(text)
        return None
    shown = kind or next((str(name) for name in part), "empty")
    return _not_text(shown, number, key)


def _text_of(part: Mapping[str, object]) -> str | None:
    for key in ("text", "value", "content", "refusal", "output_text", "markdown"):
        found = part.get(key)
        if isinstance(found, Mapping):
            # OpenAI's assistants write {"text": {"value": "…", "annotations": []}}.
            found = found.get("value")
        text = plain_text(found)
        if text is not None:
            return text
    return None


def _thought_of(part: Mapping[str, object]) -> str:
    for key in ("thinking", "text", "reasoning", "content", "value", "summary"):
        found = part.get(key)
        if isinstance(found, str):
            return found
        if isinstance(found, list) and found:
            texts = (item if isinstance(item, str) else _text_of(item) for item in found)
            return "\n".join(text for text in texts if text)
    return ""


def _result_of(part: Mapping[str, object]) -> Any:
    inner = part.get("functionResponse") or part.get("function_response")
    if isinstance(inner, Mapping):
        return inner.get("response", inner.get("content"))
    return part.get("content", part.get("output"))


def _not_text(kind: str, number: int, key: str) -> Bad:
    return Bad(
        "content_not_text",
        f"message {number} has a part of type {kind[:30]!r}",
        f"only text parts can be trained: leave the others out of {key!r}",
    )


def result_text(value: Any) -> str:
    """Return the result of a tool as text: texts as they are, all else as JSON."""
    text = plain_text(value)
    if text is not None:
        return text
    if value is None or value in ([], {}):
        return ""
    found = content_in(value, 0, "content")
    if (
        isinstance(value, list)
        and isinstance(found, MessageContent)
        and not (found.calls or found.results)
    ):
        return found.text
    return compact(value)


def calls_of(found: Any, number: int) -> list[Call] | Bad:
    """Return the calls in a list, a single object, or their JSON text."""
    found = decoded(found) if isinstance(found, str) else found
    calls: list[Call] = []
    for item in found if isinstance(found, list) else [found]:
        call = call_of(item, number)
        if isinstance(call, Bad):
            return call
        calls.append(call)
    return calls


def call_of(item: Any, number: int) -> Call | Bad:
    """Return one call; its arguments may be JSON text, even encoded twice."""
    item = decoded(item) if isinstance(item, str) else item
    inner = item.get("function") if isinstance(item, Mapping) else None
    function = inner if isinstance(inner, Mapping) else item
    name = function.get("name") if isinstance(function, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(name, str) or not name.strip():
        return Bad("bad_tool_call", f"a call in message {number} names no function", CALL_HINT)
    given: Any = next(
        (
            function[key]
            for key in ("arguments", "args", "input", "parameters")
            if function.get(key) is not None
        ),
        {},
    )
    arguments = decoded(given)
    if not isinstance(arguments, dict):
        message = f"the arguments of {name[:40]!r} in message {number} are not a JSON object"
        return Bad("bad_tool_call", message, CALL_HINT)
    return Call(name, compact(arguments))
