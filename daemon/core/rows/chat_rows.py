"""From a list of messages, as OpenAI or ShareGPT write them, to the turns of a conversation."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from daemon.core.rows.examples import Call, Role, Turn, compact
from daemon.core.rows.refusal import Bad

ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "chatgpt": "assistant",
    "function_call": "assistant",
    "tool": "tool",
    "function": "tool",
    "ipython": "tool",
    "observation": "tool",
}
EXAMPLE = '{"role": "user", "content": "…"}'


@dataclass(frozen=True, slots=True)
class Names:
    """The keys of a message."""

    role: str
    text: str


OPENAI = Names("role", "content")
SHAREGPT = Names("from", "value")


def turns_of(messages: Any, names: Names, system: Any = None) -> tuple[Turn, ...] | Bad:
    """Return the turns of a list of messages, or what is wrong with the first bad one."""
    if not isinstance(messages, list) or not messages:
        return Bad(
            "no_messages", "the list of messages is empty or no list", f"write [{EXAMPLE}, …]"
        )
    turns: list[Turn] = []
    if isinstance(system, str) and system.strip():
        turns.append(Turn("system", system))
    for number, message in enumerate(messages, 1):
        turn = _turn(message, number, names)
        if isinstance(turn, Bad):
            return turn
        turns.append(turn)
    return _ordered(turns)


def _turn(message: Any, number: int, names: Names) -> Turn | Bad:
    if not isinstance(message, dict):
        hint = f"give it {names.role!r} and {names.text!r}"
        return Bad("bad_message", f"message {number} is no object", hint)
    named = message.get(names.role)
    role = ROLES.get(named) if isinstance(named, str) else None
    if role is None:
        return Bad(
            "unknown_role",
            f"message {number} has the role {str(named)[:40]!r}",
            f"use {', '.join(dict.fromkeys(ROLES.values()))} in {names.role!r}",
        )
    content = message.get(names.text)
    if len(message) == 2 and isinstance(content, str) and content.strip() and named in PLAIN:
        return Turn(role, content)
    return _rich_turn(message, number, names, role, content)


PLAIN = frozenset(name for name in ROLES if name != "function_call")
"""Roles whose text is only text."""


def _rich_turn(
    message: dict[str, Any], number: int, names: Names, role: Role, content: Any
) -> Turn | Bad:
    weight = message.get("weight", 1)
    if weight not in (0, 1):
        return Bad(
            "bad_weight",
            f"the weight of message {number} is {str(weight)[:20]}",
            "write 1 for an answer to learn, 0 for one that is only context",
        )
    text: Any = content
    calls: Sequence[Call] | Bad = _calls(message, number)
    if message[names.role] == "function_call":
        calls, text = _call_in(content, number), None
    if isinstance(calls, Bad):
        return calls
    if calls and role != "assistant":
        hint = "only the assistant calls tools"
        return Bad("bad_tool_call", f"message {number} is no answer but calls a tool", hint)
    if text is None and calls:
        text = ""
    if role == "tool" and isinstance(text, dict):
        text = compact(text)
    text = _joined(text, number, names) if isinstance(text, list) else text
    if isinstance(text, Bad):
        return text
    if not isinstance(text, str):
        return Bad(
            "content_not_text",
            f"the content of message {number} is no text",
            f"make {names.text!r} a text",
        )
    if not text.strip() and not calls and role != "tool":
        return Bad(
            "empty_content", f"message {number} is empty", "fill it or leave the message out"
        )
    return Turn(role, text, role != "assistant" or bool(weight), tuple(calls))


def _joined(parts: list[Any], number: int, names: Names) -> str | Bad:
    """Return the text of a list of parts; pictures and sounds cannot be trained."""
    texts: list[str] = []
    for part in parts:
        kind = part.get("type", "text") if isinstance(part, dict) else type(part).__name__
        text = part.get("text") if isinstance(part, dict) and kind == "text" else None
        if not isinstance(text, str):
            return Bad(
                "content_not_text",
                f"message {number} holds a part of the kind {str(kind)[:30]!r}",
                f"only text parts can be trained: leave the others out of {names.text!r}",
            )
        texts.append(text)
    return "".join(texts)


def _calls(message: dict[str, Any], number: int) -> list[Call] | Bad:
    found = message.get("tool_calls") or []
    legacy = message.get("function_call")
    if legacy:
        found = [*found, legacy] if isinstance(found, list) else found
    if not isinstance(found, list):
        return Bad("bad_tool_call", f"'tool_calls' of message {number} is no list", CALL_HINT)
    calls: list[Call] = []
    for item in found:
        call = _call(item, number)
        if isinstance(call, Bad):
            return call
        calls.append(call)
    return calls


CALL_HINT = 'write {"function": {"name": "…", "arguments": {…}}}'


def _call(item: Any, number: int) -> Call | Bad:
    function = item.get("function", item) if isinstance(item, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(function, dict) or not isinstance(name, str) or not name.strip():
        return Bad("bad_tool_call", f"a call in message {number} names no function", CALL_HINT)
    arguments = function.get("arguments", {})
    if isinstance(arguments, str):
        arguments = _parsed(arguments or "{}")
    if not isinstance(arguments, dict):
        message = f"the arguments of {name[:40]!r} in message {number} are no JSON object"
        return Bad("bad_tool_call", message, CALL_HINT)
    return Call(name, compact(arguments))


def _call_in(content: Any, number: int) -> list[Call] | Bad:
    """Return the call that ShareGPT writes as the text of a `function_call` message."""
    value = _parsed(content) if isinstance(content, str) else content
    call = _call(value, number)
    return call if isinstance(call, Bad) else [call]


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=lambda name: None)
    except (ValueError, RecursionError):
        return None


def _ordered(turns: list[Turn]) -> tuple[Turn, ...] | Bad:
    roles = [turn.role for turn in turns]
    if "system" in roles[1:]:
        return Bad("system_not_first", "a system message stands in the middle", "put it first")
    if roles[-1] != "assistant":
        return Bad(
            "last_turn_not_assistant",
            "the conversation does not end with an answer",
            "end it with a message of the assistant, or leave the last question out",
        )
    if "user" not in roles:
        return Bad("no_user_turn", "nobody asks anything", "add a message of the user")
    if not any(turn.trained for turn in turns if turn.role == "assistant"):
        return Bad(
            "no_supervised_turn",
            "every answer has the weight 0",
            "give the answers that are to be learned the weight 1, or none",
        )
    return tuple(turns)


def tools_of(row: dict[str, Any]) -> tuple[str, ...] | Bad:
    """Return the functions a row offers, each as the JSON text a chat template is given."""
    found = row.get("tools") or row.get("functions")
    if not found:
        return ()
    if isinstance(found, str):
        found = _parsed(found)
    if not isinstance(found, list):
        return Bad("bad_tools", "'tools' is no list of functions", TOOLS_HINT)
    tools: list[str] = []
    for number, tool in enumerate(found, 1):
        function = tool.get("function", tool) if isinstance(tool, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            return Bad("bad_tools", f"tool {number} names no function", TOOLS_HINT)
        whole = tool if "function" in tool else {"type": "function", "function": tool}
        tools.append(compact(whole))
    return tuple(tools)


TOOLS_HINT = 'write [{"type": "function", "function": {"name": "…", "parameters": {…}}}]'
