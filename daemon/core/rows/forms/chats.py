"""Reads a row with a conversation: messages, and the system text, tools and answer beside them."""

from dataclasses import replace
from typing import Any

from daemon.core.rows.chat_rows import SHAREGPT, Conversation, Names, conversation_of
from daemon.core.rows.examples import Chat, Example, Turn
from daemon.core.rows.forms.current_row import CurrentRow
from daemon.core.rows.forms.names import known_as
from daemon.core.rows.forms.parts import MessageContent, content_in, decoded, plain_text, stands_in
from daemon.core.rows.forms.plans import chat_form
from daemon.core.rows.forms.tool_lists import tools_in
from daemon.core.rows.refusal import Bad

ALWAYS = ("messages", "conversations")
"""Keys that always hold messages."""


def messages_in(held: CurrentRow, preference: bool) -> list[object] | Bad | None:
    """Return the messages of a row; None if it has none."""
    keys = held.plan.keys("messages")
    for key in keys:
        value = held.row[key]
        if isinstance(value, str) and value.lstrip()[:1] == "[":
            value = decoded(value)
        if isinstance(value, list) and value:
            held.use(key)
            return _grown(held, value, preference)
    wrong = next((key for key in keys if known_as(key) in ALWAYS or key in held.plan.own), None)
    if wrong is not None and not held.keys("prompt", "completion", "text"):
        return Bad(
            "no_messages",
            f"the list of messages in {wrong!r} is empty or not a list",
            'write [{"role": "user", "content": "…"}, …]',
        )
    if preference and not held.keys("prompt", "input"):
        return _chosen_messages(held)
    return None


def _grown(held: CurrentRow, messages: list[object], preference: bool) -> list[object]:
    """Add the answer beside the messages where these end with a question."""
    key: str | None = None
    if preference:
        key = next(iter(held.keys("chosen") or held.keys("completion")), None)
    elif _is_open(messages):
        found = held.keys("completion") or held.keys("late_completion")
        key = found[0] if len(found) == 1 else None
    if key is None:
        return messages
    answer = _as_answer(held.use_answer(key))
    if answer is None:
        held.answer_keys.remove(key)
        return messages
    if preference:
        held.note("chosen_side")
        held.agreeing.update(held.keys("rejected"))
    return [*messages, *answer]


def _is_open(messages: list[object]) -> bool:
    last = messages[-1]
    if not isinstance(last, dict):
        return False
    return last.get("role", last.get("from")) in ("user", "human", "User", "Human", "tool")


def _as_answer(value: Any) -> list[object] | None:
    """Return an answer as messages."""
    text = plain_text(value)
    if text is not None:
        return [{"role": "assistant", "content": text}]
    if isinstance(value, dict):
        if {"role", "from"} & set(value):
            return [value]
        return (
            [{"role": "assistant", **value}] if {"content", "value", "text"} & set(value) else None
        )
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        return value
    return None


def _chosen_messages(held: CurrentRow) -> list[object] | None:
    """Return the chosen side as a conversation, prompt included."""
    for key in held.keys("chosen"):
        value = held.row[key]
        if isinstance(value, list) and len(value) > 1 and all(isinstance(v, dict) for v in value):
            held.use_answer(key)
            held.note("chosen_side")
            held.agreeing.update(held.keys("rejected"))
            return value
    return None


def chat_of(held: CurrentRow, messages: list[object] | Bad) -> tuple[Example, str] | Bad:
    """Return the conversation of a row and the name of its form."""
    if isinstance(messages, Bad):
        return messages
    first = messages[0]
    shares = isinstance(first, dict) and "from" in first and "role" not in first
    own = held.names != Names("role", "content")
    found = read_chat(held, messages, SHAREGPT if shares and not own else held.names)
    if isinstance(found, Bad):
        return found
    _agree(held, found)
    key = next((key for key in held.used if key in held.plan.keys("messages")), "messages")
    return found, chat_form(key, shares)


def read_chat(
    held: CurrentRow, messages: list[object], names: Names, more: tuple[Turn, ...] = ()
) -> Chat | Bad:
    """Return the conversation of messages with the row's system texts, tools and reasoning."""
    systems = systems_in(held)
    if isinstance(systems, Bad):
        return systems
    found = conversation_of(messages, names, systems, more)
    if isinstance(found, Bad):
        return found
    held.more_unread += [f"messages[].{key}" for key in found.unread]
    for note in found.notes:
        held.note(note)
    return finished(held, found)


def finished(held: CurrentRow, found: Conversation) -> Chat | Bad:
    """Return a conversation with the tools and the reasoning of its row."""
    turns = _with_reasoning(held, found.turns)
    for key in held.keys("tools"):
        tools = tools_in(held.use(key))
        return tools if isinstance(tools, Bad) else Chat(turns, tools=tools)
    return Chat(turns)


def _with_reasoning(held: CurrentRow, turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    keys = [key for key in held.keys("reasoning") if isinstance(held.row[key], str)]
    if keys and not turns[-1].reasoning:
        text = "\n".join(held.use_answer(key).strip() for key in keys)
        turns = (*turns[:-1], replace(turns[-1], reasoning=text))
    if held.keep_reasoning or not any(turn.reasoning for turn in turns):
        return turns
    held.note("reasoning_left_out")
    return tuple(replace(turn, reasoning="") if turn.reasoning else turn for turn in turns)


def systems_in(held: CurrentRow) -> list[str] | Bad:
    """Return the system texts beside a conversation."""
    texts: list[str] = []
    for key in held.keys("system"):
        found = content_in(held.use(key), 1, key)
        if not isinstance(found, MessageContent) or not found.text.strip():
            return Bad("content_not_text", f"{key!r} is not a string", f"make {key!r} a string")
        texts.append(found.text)
    return texts


def _agree(held: CurrentRow, chat: Chat) -> None:
    """Note the keys that only repeat the messages."""
    for key in held.keys("prompt", "completion", "late_completion", "text", "input"):
        text = plain_text(held.row[key])
        if text is None or key in held.answer_keys:
            continue
        stripped = text.strip()
        last = chat.turns[-1].content.strip()
        if any(stands_in(stripped, turn.content) for turn in chat.turns) or (
            last and last in stripped
        ):
            held.agreeing.add(key)
    if len(held.keys("messages")) > 1:
        first, *others = held.keys("messages")
        held.agreeing.update(key for key in others if held.row[key] == held.row[first])
