"""From a parsed row in any known shape to an example, or the reason it is none; knows no file."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from daemon.core.examples import Chat, Example, Role, Text, Turn

ROLES: dict[str, Role] = {
    "system": "system", "developer": "system",
    "user": "user", "human": "user",
    "assistant": "assistant", "gpt": "assistant", "bot": "assistant", "model": "assistant",
    "chatgpt": "assistant",
}  # fmt: skip
PAIRS = (
    ("prompt", "completion"), ("question", "answer"), ("prompt", "response"),
    ("input", "output"),
)  # fmt: skip
FORMS = (
    '{"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}, '
    '{"prompt": "…", "completion": "…"} or {"text": "…"}'
)


@dataclass(frozen=True, slots=True)
class Bad:
    """Why a row cannot be used."""

    code: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Good:
    """A row's example, and the name of the format it came in."""

    example: Example
    form: str


def recognise(row: Any) -> Good | Bad:
    """Return the example of a parsed row."""
    if not isinstance(row, dict):
        kind = type(row).__name__
        return Bad("not_an_object", f"the row is a {kind}, not an object", f"write {FORMS}")
    group = row.get("group")
    if group is not None and not isinstance(group, str):
        return Bad("bad_group", "'group' is not a text", "give variants of one example one text")
    for fits, read, form in READERS:
        if fits(row):
            found = read(row, group)
            return found if isinstance(found, Bad) else Good(found, form)
    known = ", ".join(sorted(map(str, row))[:8]) or "no keys"
    return Bad("unknown_format", f"the row has {known}", f"write {FORMS}")


def _messages(row: dict[str, Any], group: str | None) -> Example | Bad:
    return _chat(row["messages"], "role", "content", row.get("system"), group)


def _sharegpt(row: dict[str, Any], group: str | None) -> Example | Bad:
    return _chat(row["conversations"], "from", "value", row.get("system"), group)


def _chat(
    messages: Any, role_key: str, text_key: str, system: Any, group: str | None
) -> Example | Bad:
    if not isinstance(messages, list) or not messages:
        return Bad("no_messages", "the list of messages is empty or no list", f"write {FORMS}")
    turns: list[Turn] = []
    if isinstance(system, str) and system.strip():
        turns.append(Turn("system", system))
    for number, message in enumerate(messages, 1):
        turn = _turn(message, number, role_key, text_key)
        if isinstance(turn, Bad):
            return turn
        turns.append(turn)
    return _ordered(turns, group)


def _turn(message: Any, number: int, role_key: str, text_key: str) -> Turn | Bad:
    if not isinstance(message, dict):
        return Bad(
            "bad_message",
            f"message {number} is no object",
            f"give it {role_key!r} and {text_key!r}",
        )
    if message.get("tool_calls") or message.get("role") == "tool":
        return Bad(
            "tools_unsupported",
            f"message {number} is about a tool call",
            "write the call as the assistant's text; tool turns are not read yet",
        )
    named = message.get(role_key)
    role = ROLES.get(named) if isinstance(named, str) else None
    if role is None:
        given = str(message.get(role_key))[:40]
        return Bad(
            "unknown_role",
            f"message {number} has the role {given!r}",
            "use system, user, assistant",
        )
    content = message.get(text_key)
    if not isinstance(content, str):
        return Bad(
            "content_not_text",
            f"the content of message {number} is no text",
            f"make {text_key!r} a text",
        )
    if not content.strip():
        return Bad(
            "empty_content", f"message {number} is empty", "fill it or leave the message out"
        )
    return Turn(role, content)


def _ordered(turns: list[Turn], group: str | None) -> Example | Bad:
    if any(turn.role == "system" for turn in turns[1:]):
        return Bad("system_not_first", "a system message stands in the middle", "put it first")
    if turns[-1].role != "assistant":
        return Bad(
            "last_turn_not_assistant", "the conversation does not end with an answer",
            "end it with a message of the assistant, or leave the last question out",
        )  # fmt: skip
    if all(turn.role != "user" for turn in turns):
        return Bad("no_user_turn", "nobody asks anything", "add a message of the user")
    return Chat(tuple(turns), group)


def _alpaca(row: dict[str, Any], group: str | None) -> Example | Bad:
    extra = row.get("input")
    if extra is not None and not isinstance(extra, str):
        return Bad("content_not_text", "'input' is no text", "make it a text or leave it out")
    asked = row["instruction"]
    if isinstance(asked, str) and extra and extra.strip():
        asked = f"{asked}\n\n{extra}"
    return _pair(asked, row["output"], row, group, ("instruction", "output"))


def _pair(
    asked: Any, answer: Any, row: dict[str, Any], group: str | None, names: tuple[str, str]
) -> Example | Bad:
    for text, name in zip((asked, answer), names, strict=True):
        if not isinstance(text, str):
            return Bad("content_not_text", f"{name!r} is no text", f"make {name!r} a text")
        if not text.strip():
            return Bad("empty_content", f"{name!r} is empty", "fill it or leave the row out")
    turns = [Turn("user", asked), Turn("assistant", answer)]
    system = row.get("system")
    if isinstance(system, str) and system.strip():
        turns.insert(0, Turn("system", system))
    return Chat(tuple(turns), group)


def _text(row: dict[str, Any], group: str | None) -> Example | Bad:
    text = row["text"]
    if not isinstance(text, str):
        return Bad("content_not_text", "'text' is no text", "make 'text' a text")
    if not text.strip():
        return Bad("empty_content", "'text' is empty", "fill it or leave the row out")
    return Text(text, group)


Reader = Callable[[dict[str, Any], str | None], Example | Bad]


def _has(*keys: str) -> Callable[[dict[str, Any]], bool]:
    return lambda row: all(key in row for key in keys)


def _pair_reader(names: tuple[str, str]) -> Reader:
    return lambda row, group: _pair(row[names[0]], row[names[1]], row, group, names)


READERS: tuple[tuple[Callable[[dict[str, Any]], bool], Reader, str], ...] = (
    (_has("messages"), _messages, "messages"),
    (_has("conversations"), _sharegpt, "sharegpt"),
    (_has("instruction", "output"), _alpaca, "alpaca"),
    *((_has(*names), _pair_reader(names), "/".join(names)) for names in PAIRS),
    (_has("text"), _text, "text"),
)
