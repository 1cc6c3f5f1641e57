"""Parses a list of messages, in any known form, into the turns of a conversation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from daemon.core.records import JsonObject
from daemon.core.rows.examples import Call, Role, Turn
from daemon.core.rows.forms.message_keys import (
    OPENAI,
    PLAIN_ROLES,
    SHAREGPT,
    MessageKeys,
    Names,
    keys_of,
)
from daemon.core.rows.forms.names import CALLING, ROLES, known_as, role_of
from daemon.core.rows.forms.parts import MessageContent, calls_of, content_in, decoded, result_text
from daemon.core.rows.readings import Note
from daemon.core.rows.refusal import Bad

__all__ = ["OPENAI", "SHAREGPT", "Conversation", "Names", "conversation_of", "turns_of"]

EXAMPLE = '{"role": "user", "content": "…"}'
ROLE_WORDS = ", ".join(dict.fromkeys(ROLES.values()))


@dataclass(frozen=True, slots=True)
class Conversation:
    """The turns of a list of messages, with notes and unread keys."""

    turns: tuple[Turn, ...]
    unread: tuple[str, ...] = ()
    """Keys of messages with content that was not read."""
    notes: tuple[Note, ...] = ()


def turns_of(messages: Any, names: Names, system: Any = None) -> tuple[Turn, ...] | Bad:
    """Return the turns of a list of messages, or why the first bad one is refused."""
    systems = [system] if isinstance(system, str) and system.strip() else []
    found = conversation_of(messages, names, systems)
    return found if isinstance(found, Bad) else found.turns


def conversation_of(
    messages: Any, names: Names = OPENAI, systems: Sequence[str] = (), more: Sequence[Turn] = ()
) -> Conversation | Bad:
    """Return the conversation of messages, with system texts before and turns after them."""
    messages = decoded(messages) if isinstance(messages, str) else messages
    if isinstance(messages, Mapping):
        messages = [messages]
    if not isinstance(messages, list) or not messages:
        return Bad(
            "no_messages", "the list of messages is empty or not a list", f"write [{EXAMPLE}, …]"
        )
    turns: list[Turn] = [Turn("system", text) for text in systems]
    unread: list[str] = []
    for number, message in enumerate(messages, 1):
        wrong = _read(message, number, names, turns, unread)
        if wrong is not None:
            return wrong
    turns += more
    return _ordered(turns, unread)


def _read(
    message: Any, number: int, names: Names, turns: list[Turn], unread: list[str]
) -> Bad | None:
    if isinstance(message, dict):
        if len(message) == 2:
            content = message.get(names.text)
            if type(content) is str and content.strip():
                named = message.get(names.role)
                role = PLAIN_ROLES.get(named) if type(named) is str else None
                if role is not None:
                    turns.append(Turn(role, content))
                    return None
        return _read_rich(message, number, names, turns, unread)
    pair = _pair_of(message)
    if pair is None:
        hint = f"give it {names.role!r} and {names.text!r}"
        return Bad("bad_message", f"message {number} is not an object", hint)
    turns += pair
    return None


def _pair_of(message: Any) -> list[Turn] | None:
    """Return the turns of a list with a question and its answer, or a role and its text."""
    if not isinstance(message, list | tuple) or len(message) != 2:
        return None
    first, second = message
    if not (isinstance(first, str) and isinstance(second, str) and first.strip()):
        return None
    role = PLAIN_ROLES.get(first.lower())
    if role is not None:
        return [Turn(role, second)]
    return [Turn("user", first), Turn("assistant", second)] if second.strip() else None


def _read_rich(
    message: JsonObject, number: int, names: Names, turns: list[Turn], unread: list[str]
) -> Bad | None:
    if None in message.values():
        message = {key: value for key, value in message.items() if value is not None}
    keys = keys_of(tuple(message), names)
    if keys.role is None:
        return _read_without_role(message, number, keys, turns, unread)
    named = message[keys.role]
    if isinstance(named, Mapping):
        named = named.get("role", named.get("name"))
    role = role_of(named)
    if role is None:
        return Bad(
            "unknown_role",
            f"message {number} has the role {str(named)[:40]!r}",
            f"use {ROLE_WORDS} in {keys.role!r}",
        )
    calling = isinstance(named, str) and known_as(named).strip("_:") in CALLING
    return _read_as(message, number, keys, role, calling, turns, unread)


def _read_without_role(
    message: JsonObject, number: int, keys: MessageKeys, turns: list[Turn], unread: list[str]
) -> Bad | None:
    kind = known_as(str(message.get("type", "")))
    if kind in ("function_call", "custom_tool_call"):
        # Items of OpenAI's Responses.
        calls = calls_of(message, number)
        if isinstance(calls, Bad):
            return calls
        _called(turns, calls)
        return None
    if kind in ("function_call_output", "custom_tool_call_output"):
        turns.append(Turn("tool", result_text(message.get("output"))))
        return None
    if kind == "reasoning":
        found = content_in([message], number, "content")
        if isinstance(found, Bad):
            return found
        turns.append(Turn("assistant", "", reasoning="\n".join(filter(None, found.reasoning))))
        return None
    if keys.roles:
        for key in sorted(keys.roles, key=_place_in_an_exchange):
            text = message[key]
            if not isinstance(text, str) or not text.strip():
                hint = f"write [{EXAMPLE}, …]"
                return Bad("content_not_text", f"{key!r} of message {number} is not a string", hint)
            turns.append(Turn(PLAIN_ROLES[known_as(key)], text))
        unread += keys.unknown
        return None
    return Bad(
        "unknown_role", f"message {number} has the role 'None'", f"use {ROLE_WORDS} in 'role'"
    )


def _place_in_an_exchange(key: str) -> int:
    return ("system", "user", "assistant", "tool").index(PLAIN_ROLES[known_as(key)])


def _called(turns: list[Turn], calls: Sequence[Call]) -> None:
    """Add calls from beside the messages to the last answer, or as an answer of their own."""
    last = turns[-1] if turns else None
    if last is not None and last.role == "assistant" and (last.calls or not last.content):
        turns[-1] = replace(last, calls=(*last.calls, *calls))
    else:
        turns.append(Turn("assistant", "", calls=tuple(calls)))


def _read_as(
    message: JsonObject,
    number: int,
    keys: MessageKeys,
    role: Role,
    calling: bool,
    turns: list[Turn],
    unread: list[str],
) -> Bad | None:
    trained = _is_trained(message, number, keys)
    if isinstance(trained, Bad):
        return trained
    if any(message[key] not in ("", [], {}) for key in keys.media):
        return Bad(
            "content_not_text",
            f"message {number} holds {keys.media[0]!r}",
            "only text can be trained: leave out rows with images and audio",
        )
    unread += [key for key in keys.unknown if message[key] not in ("", [], {})]
    found = _content_of(message, number, keys, role, calling)
    if isinstance(found, Bad):
        return found
    if role == "assistant":
        return _add_answer(found, number, trained, turns)
    if found.calls:
        hint = "only the assistant calls tools"
        return Bad("bad_tool_call", f"message {number} calls a tool but is not an answer", hint)
    turns += [Turn("tool", text) for text in found.results]
    if found.text.strip() or role == "tool":
        turns.append(Turn(role, found.text))
    elif not found.results and role != "system":
        return Bad(
            "empty_content", f"message {number} is empty", "fill it or leave the message out"
        )
    return None


def _is_trained(message: JsonObject, number: int, keys: MessageKeys) -> bool | Bad:
    if keys.unclear:
        key = keys.unclear[0]
        return Bad(
            "bad_weight",
            f"message {number} has {key!r}, which does not say what to train",
            "write weight 1 for an answer to train, 0 for one that is only context",
        )
    trained = True
    for key in keys.weights:
        weight = message[key]
        if weight not in (0, 1) or isinstance(weight, str):
            return Bad(
                "bad_weight",
                f"{key!r} of message {number} is {str(weight)[:20]}",
                "write 1 for an answer to train, 0 for one that is only context",
            )
        trained = trained and bool(weight) != (known_as(key) == "masked")
    return trained


def _content_of(
    message: JsonObject, number: int, keys: MessageKeys, role: Role, calling: bool
) -> MessageContent | Bad:
    """Return the texts, reasoning and calls of a message."""
    contents = [message[key] for key in keys.content if message[key] not in ("", [], {})]
    key = keys.content[0] if keys.content else "content"
    content = contents[0] if contents else message.get("refusal")
    if calling and content is not None:
        calls = calls_of(content, number)
        return calls if isinstance(calls, Bad) else MessageContent(calls=calls)
    if role == "tool":
        return _result(content, number, key)
    found = content_in(content, number, key)
    if isinstance(found, Bad):
        return found
    found.reasoning += [str(message[name]) for name in keys.reasoning if _is_text(message[name])]
    for name in keys.calls:
        if message[name] not in ("", [], {}):
            calls = calls_of(message[name], number)
            if isinstance(calls, Bad):
                return calls
            found.calls += calls
    return found


def _result(content: Any, number: int, key: str) -> MessageContent | Bad:
    if isinstance(content, list):
        found = content_in(content, number, key)
        if isinstance(found, Bad) and _holds_parts(content):
            return found
        if isinstance(found, MessageContent) and found.results:
            return MessageContent(results=found.results[:-1], texts=[found.results[-1]])
    return MessageContent(texts=[result_text(content)])


def _holds_parts(content: list[object]) -> bool:
    return any(isinstance(part, Mapping) and "type" in part for part in content)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _add_answer(found: MessageContent, number: int, trained: bool, turns: list[Turn]) -> Bad | None:
    text = found.text
    reasoning = "\n".join(filter(None, (text.strip() for text in found.reasoning)))
    if found.results:
        # Results of tools that the provider ran itself are part of its answer.
        hint = "write the call, its result and the answer as separate messages"
        return Bad("bad_tool_call", f"message {number} is an answer with tool results in it", hint)
    thought = turns[-1] if turns else None
    if thought is not None and _is_only_thought(thought):
        turns.pop()
        reasoning = "\n".join(filter(None, (thought.reasoning, reasoning)))
    if not text.strip() and not found.calls:
        return Bad(
            "empty_content", f"message {number} is empty", "fill it or leave the message out"
        )
    text = text if text.strip() else ""
    turns.append(Turn("assistant", text, trained, tuple(found.calls), reasoning))
    return None


def _is_only_thought(turn: Turn) -> bool:
    return turn.role == "assistant" and not turn.content and not turn.calls and bool(turn.reasoning)


def _ordered(turns: list[Turn], unread: list[str]) -> Conversation | Bad:
    turns = _with_one_system(turns)
    notes: tuple[Note, ...] = ()
    roles = [turn.role for turn in turns]
    if "system" in roles[1:]:
        return Bad("system_not_first", "there is a system message in the middle", "put it first")
    if roles and roles[-1] == "user" and "assistant" in roles:
        end = len(roles) - roles[::-1].index("assistant")
        if set(roles[end:]) == {"user"}:
            turns, roles, notes = turns[:end], roles[:end], ("last_question_cut",)
    if not roles or roles[-1] != "assistant" or _is_only_thought(turns[-1]):
        return Bad(
            "last_turn_not_assistant",
            "the conversation does not end with an answer",
            "end it with a message of the assistant, or leave the last question out",
        )
    if len(roles) == 1 or (roles[0] == "assistant" and "user" not in roles):
        return Bad("no_user_turn", "there is no message of the user", "add one")
    if not any(turn.trained for turn in turns if turn.role == "assistant"):
        return Bad(
            "no_supervised_turn",
            "every answer has the weight 0",
            "give the answers to train the weight 1, or no weight",
        )
    return Conversation(tuple(turns), tuple(dict.fromkeys(unread)), notes)


def _with_one_system(turns: list[Turn]) -> list[Turn]:
    """Join the system texts at the start; a repeated one counts once."""
    if len(turns) < 2 or turns[0].role != "system" or turns[1].role != "system":
        return turns
    end = next((n for n, turn in enumerate(turns) if turn.role != "system"), len(turns))
    texts = dict.fromkeys(turn.content.strip() for turn in turns[:end])
    return [Turn("system", "\n\n".join(filter(None, texts))), *turns[end:]]
