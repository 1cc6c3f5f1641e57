"""From a parsed row in any known shape to an example, or the reason it is none; knows no file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from daemon.core.rows.chat_rows import OPENAI, SHAREGPT, Names, tools_of, turns_of
from daemon.core.rows.examples import Chat, Example, Text, Turn
from daemon.core.rows.refusal import Bad

FieldName = Literal[
    "messages",
    "role",
    "content",
    "conversations",
    "prompt",
    "completion",
    "text",
    "system",
    "tools",
    "group",
    "variant_of",
]
"""What a user's own name can be given for."""

PAIRS = (
    ("prompt", "completion"),
    ("question", "answer"),
    ("prompt", "response"),
    ("input", "output"),
)
FORMS = (
    '{"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}, '
    '{"prompt": "…", "completion": "…"} or {"text": "…"}'
)


@dataclass(frozen=True, slots=True)
class Fields:
    """The user's own names of keys, where they differ from the known ones."""

    own: Mapping[FieldName, str] = field(default_factory=dict)

    def renamed(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return a row with the user's names replaced by the known ones."""
        if not self.own:
            return row
        names = {own: known for known, own in self.own.items()}
        return {names.get(key, key): value for key, value in row.items()}

    @property
    def message(self) -> Names:
        """The keys of a message."""
        return Names(self.own.get("role", OPENAI.role), self.own.get("content", OPENAI.text))


DEFAULT = Fields()


@dataclass(frozen=True, slots=True)
class Good:
    """A row's example, and the name of the format it came in."""

    example: Example
    form: str


def recognise(row: Any, fields: Fields = DEFAULT) -> Good | Bad:
    """Return the example of a parsed row."""
    if not isinstance(row, dict):
        kind = type(row).__name__
        return Bad("not_an_object", f"the row is a {kind}, not an object", f"write {FORMS}")
    row = fields.renamed(row)
    group = row.get("group")
    if group is not None and not isinstance(group, str):
        return Bad("bad_group", "'group' is not a text", "give variants of one example one text")
    original = row.get("variant_of")
    if original is None:
        return _read(row, fields, group)
    if not isinstance(original, str) or not original.strip():
        hint = "write the first question of the example that the row is a variant of"
        return Bad("bad_variant_of", "'variant_of' is not a text", hint)
    found = _read(row, fields, group)
    if isinstance(found, Bad):
        return found
    return Good(replace(found.example, variant_of=original), found.form)


def _read(row: dict[str, Any], fields: Fields, group: str | None) -> Good | Bad:
    if "messages" in row:
        names = OPENAI if fields is DEFAULT else fields.message
        return _good(_chat(row["messages"], names, row, group), "messages")
    for fits, read, form in READERS:
        if fits(row):
            return _good(read(row, group), form)
    known = ", ".join(sorted(map(str, row))[:8]) or "no keys"
    return Bad("unknown_format", f"the row has {known}", f"write {FORMS}")


def _good(found: Example | Bad, form: str) -> Good | Bad:
    return found if isinstance(found, Bad) else Good(found, form)


def _chat(messages: Any, names: Names, row: dict[str, Any], group: str | None) -> Example | Bad:
    turns = turns_of(messages, names, row.get("system"))
    if isinstance(turns, Bad):
        return turns
    if "tools" not in row and "functions" not in row:
        return Chat(turns, group)
    tools = tools_of(row)
    return tools if isinstance(tools, Bad) else Chat(turns, group, tools)


def _sharegpt(row: dict[str, Any], group: str | None) -> Example | Bad:
    messages = row["conversations"]
    first = messages[0] if isinstance(messages, list) and messages else None
    plain = isinstance(first, dict) and "role" in first and "from" not in first
    return _chat(messages, OPENAI if plain else SHAREGPT, row, group)


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
    if isinstance(asked, list) and isinstance(answer, list):
        # Both sides may be messages, as TRL writes them.
        return _chat([*asked, *answer], OPENAI, row, group)
    for text, name in ((asked, names[0]), (answer, names[1])):
        if not isinstance(text, str):
            return Bad("content_not_text", f"{name!r} is no text", f"make {name!r} a text")
        if not text.strip():
            return Bad("empty_content", f"{name!r} is empty", "fill it or leave the row out")
    system = row.get("system")
    if isinstance(system, str) and system.strip():
        return Chat((Turn("system", system), Turn("user", asked), Turn("assistant", answer)), group)
    return Chat((Turn("user", asked), Turn("assistant", answer)), group)


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
    (_has("conversations"), _sharegpt, "sharegpt"),
    (_has("instruction", "output"), _alpaca, "alpaca"),
    *((_has(*names), _pair_reader(names), "/".join(names)) for names in PAIRS),
    (_has("text"), _text, "text"),
)
