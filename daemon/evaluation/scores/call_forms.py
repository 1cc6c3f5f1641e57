"""Parses the tool calls in an answer, in the format of any known model's chat template.

JSON, bare or between marks (Qwen and Hermes `<tool_call>`, Llama `<|python_tag|>`, Mistral
`[TOOL_CALLS]`, Granite and Phi `<|tool_call|>`, DeepSeek's fences), the XML of Qwen-Coder and GLM,
and Python's own calls (Llama 4, LFM). Marks that are control tokens are lost when an answer is
decoded: calls are parsed without them as well.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from daemon.core.records import JsonObject
from daemon.core.rows.examples import Call, Chat, Turn, compact, turn_text
from daemon.evaluation.scores.fields import parsed, unfenced
from daemon.evaluation.scores.python_calls import python_calls
from daemon.evaluation.scores.thoughts import without_thought
from daemon.evaluation.scores.values import Untyped

NAME = r"[A-Za-z_][\w.-]*"
SELF_CLOSING = re.compile(r"<(tool_call|function_call|function|tool)\b([^<>]*)/>")
ATTRIBUTE = re.compile(r"""(\w+)\s*=\s*("([^"]*)"|'([^']*)')""")
BLOCK = re.compile(
    r"<tool_call>(?P<tagged>.*?)(?:</tool_call>|(?=<tool_call>)|$)"
    r"|(?P<function><function=.*?(?:</function>|$))"
    r"|<\|tool_call(?:_start)?\|>(?P<barred>.*?)(?:<\|/tool_call\|>|<\|tool_call_end\|>|$)"
    r"|(?:\[TOOL_CALLS\])(?P<mistral>.*?)(?:</s>|(?=\[TOOL_CALLS\])|$)"
    r"|<\|python_tag\|>(?P<python>.*?)(?:<\|eom_id\|>|<\|eot_id\|>|$)"
    "|<\uff5ctool\u2581call\u2581begin\uff5c>(?P<deepseek>.*?)(?:<\uff5ctool\u2581call\u2581end\uff5c>|$)",
    re.DOTALL,
)
LEFT_OVER = re.compile("<\uff5ctool\u2581calls\u2581(?:begin|end)\uff5c>")
XML = re.compile(rf"\s*<function=({NAME})>(.*?)(?:</function>|$)\s*", re.DOTALL)
XML_ARGUMENT = re.compile(r"<parameter=([^<>]+)>(.*?)</parameter>", re.DOTALL)
GLM = re.compile(rf"\s*({NAME})\s*((?:<arg_key>.*)?)$", re.DOTALL)
GLM_ARGUMENT = re.compile(r"<arg_key>(.*?)</arg_key>\s*<arg_value>(.*?)</arg_value>", re.DOTALL)
NAMED = re.compile(rf"\s*({NAME})\s*(?:\[CALL_ID\][^\[]*)?(?:\[ARGS\])?\s*(?={{)")
DEEPSEEK = re.compile(f"\\s*\\w*<\uff5ctool\u2581sep\uff5c>({NAME})\\s*(.*)", re.DOTALL)
BETWEEN = re.compile(r"[\s;,]*")
BARE_STARTS = 16
"""How many line starts are tried as the start of calls after a text."""


@dataclass(frozen=True, slots=True)
class Called:
    """One call in an answer."""

    name: str
    arguments: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class CallReading:
    """The calls and the text of an answer."""

    calls: tuple[Called, ...] | None
    """None if no call can be parsed."""
    text: str
    """The text around the calls; the whole answer where there are none."""
    wrappers: tuple[str, ...] = ()
    """Wrappers around the calls that should not be there."""
    marked: bool = False
    """Whether the calls stand between marks that only calls have."""

    @property
    def as_turn(self) -> Turn:
        """The turn of a conversation with the same text and calls."""
        calls = (Call(call.name, compact(dict(call.arguments))) for call in self.calls or ())
        return Turn("assistant", self.text, calls=tuple(calls))

    @property
    def plain(self) -> str:
        """The text and then the calls, one JSON object a line, whatever their format."""
        return turn_text(self.as_turn)

    @property
    def words(self) -> str:
        """The same for a comparison by words: in a fixed order, with blanks between names."""
        calls = sorted(
            f"{call.name} {json.dumps(dict(call.arguments), ensure_ascii=False, sort_keys=True)}"
            for call in self.calls or ()
        )
        return "\n".join(filter(None, (self.text, *calls)))


def read_calls(answer: str, *, after_text: bool = False) -> CallReading:
    """Parse an answer; `after_text` also finds unmarked calls behind some text."""
    body = without_thought(answer).strip()
    inside, fenced = unfenced(body)
    wrappers = ("markdown_wrapper",) if fenced else ()
    closed = None if parsed(inside) is not None else SELF_CLOSING.search(inside)
    if closed:
        found = _of_attributes(dict(_attributes(closed[2])))
        calls = None if found is None else (found,)
        return CallReading(calls, "", (*wrappers, "self_closing_tag"), True)
    blocks = [] if parsed(inside) is not None else list(BLOCK.finditer(inside))
    if blocks:
        return _of_blocks(body, inside, blocks, wrappers)
    bare = _calls_of(inside)
    if bare is not None:
        return CallReading(tuple(bare), "", wrappers)
    return (_behind_text(body) if after_text else None) or CallReading(None, body, wrappers)


def is_call_text(text: str) -> bool:
    """Return whether a text is only calls, and cannot reasonably be anything else."""
    reading = read_calls(text)
    if reading.calls is None or reading.text or reading.wrappers:
        return False
    values = _values(without_thought(text).strip()) or ()
    return reading.marked or (bool(values) and all(map(_is_plain_call, values)))


def ends_in_calls(example: Chat) -> bool:
    """Return whether a row ends in tool calls, structured or written in its text."""
    last = example.turns[-1]
    return bool(last.calls) or is_call_text(last.content)


def _is_plain_call(value: Any) -> bool:
    if not isinstance(value, dict) or set(value) - {"name", "arguments", "parameters", "id"}:
        return False
    return isinstance(value.get("arguments", value.get("parameters")), dict)


def _of_blocks(
    body: str, inside: str, blocks: list[re.Match[str]], wrappers: tuple[str, ...]
) -> CallReading:
    calls: list[Called] = []
    for block in blocks:
        part, fenced = unfenced(block[block.lastgroup or 0])
        if fenced and not wrappers:
            wrappers = ("markdown_wrapper",)
        these = _calls_of(part, marked=True)
        if not these:
            return CallReading(None, body, wrappers)
        calls += these
    around = LEFT_OVER.sub("", BLOCK.sub("", inside)).strip()
    return CallReading(tuple(calls), around, wrappers, True)


def _behind_text(body: str) -> CallReading | None:
    """Return the calls that end a text, one JSON value a line."""
    starts = (found.start() for found in re.finditer(r"^[ \t]*[{\[]", body, re.MULTILINE))
    for start in islice(starts, BARE_STARTS):
        calls = _of_json(body[start:])
        if calls:
            return CallReading(tuple(calls), body[:start].strip())
    return None


def _calls_of(text: str, marked: bool = False) -> list[Called] | None:
    """Return the calls in a text; None if it contains anything else."""
    readers: list[Callable[[str], list[Called] | None]] = [_of_json, _of_xml, _of_names]
    if marked:
        readers += [_of_glm, _of_deepseek]
    readers.append(lambda text: _of_python(text, bare=marked))
    found = (reader(text) for reader in readers)
    return next((calls for calls in found if calls), None)


# --- JSON -----------------------------------------------------------------------------------------


def _of_json(text: str) -> list[Called] | None:
    values = _values(text)
    calls = None if values is None else [_call(value) for value in values]
    if not calls or None in calls:
        return None
    return [call for call in calls if call is not None]


def _values(text: str) -> list[object] | None:
    """Return the JSON values of a text: one, a list of them, or one after the other."""
    whole = parsed(text)
    if whole is None:
        return [value for value, _ in _each(text, 0)] or None
    if isinstance(whole, dict) and isinstance(whole.get("tool_calls"), list):
        whole = whole["tool_calls"]
    return whole if isinstance(whole, list) else [whole]


def _each(text: str, start: int) -> list[tuple[Any, int]]:
    """Return the values from a place to the end of a text, each with its end; empty if invalid."""
    found: list[tuple[Any, int]] = []
    while start < len(text):
        value, end = _value_at(text, start)
        if value is None:
            return []
        start = _after_blank(text, end)
        found.append((value, end))
    return found


def _value_at(text: str, start: int) -> tuple[Any, int]:
    """Return the JSON value that begins at a place, and its end; None if none does."""
    try:
        _, end = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError):
        return None, start
    return parsed(text[start:end]), end


def _after_blank(text: str, place: int) -> int:
    blank = BETWEEN.match(text, place)
    return place if blank is None else blank.end()


def _call(value: Any) -> Called | None:
    if not isinstance(value, dict):
        return None
    inner = value.get("function")
    if isinstance(inner, dict):
        value = inner
    name = value.get("name", value.get("tool_name", inner if isinstance(inner, str) else None))
    arguments = value.get("arguments", value.get("parameters", {}))
    if isinstance(arguments, str):
        arguments = parsed(arguments or "{}")
    if not isinstance(name, str) or not name or not isinstance(arguments, dict):
        return None
    return Called(name, arguments)


# --- other forms ----------------------------------------------------------------------------------


def _of_xml(text: str) -> list[Called] | None:
    """Read `<function=name>`, with JSON in it or with `<parameter=name>` elements."""
    found = []
    place = 0
    while match := XML.match(text, place):
        inside = match[2].strip()
        arguments = parsed(inside) if inside.startswith("{") else _untyped(XML_ARGUMENT, inside)
        if not isinstance(arguments, dict):
            return None
        found.append(Called(match[1], arguments))
        place = match.end()
    return found if place == len(text) else None


def _of_names(text: str) -> list[Called] | None:
    """Read `name{…}`, one or several, as newer Mistral templates write them."""
    found = []
    place = 0
    while match := NAMED.match(text, place):
        arguments, end = _value_at(text, match.end())
        if not isinstance(arguments, dict):
            return None
        found.append(Called(match[1], arguments))
        place = _after_blank(text, end)
    return found if place == len(text) else None


def _of_glm(text: str) -> list[Called] | None:
    match = GLM.match(text)
    arguments = None if match is None else _untyped(GLM_ARGUMENT, match[2])
    return None if match is None or arguments is None else [Called(match[1], arguments)]


def _of_deepseek(text: str) -> list[Called] | None:
    match = DEEPSEEK.match(text)
    arguments = None if match is None else parsed(unfenced(match[2])[0] or "{}")
    if match is None or not isinstance(arguments, dict):
        return None
    return [Called(match[1], arguments)]


def _of_python(text: str, bare: bool) -> list[Called] | None:
    found = python_calls(text, bare=bare)
    return None if found is None else [Called(name, arguments) for name, arguments in found]


def _untyped(pattern: re.Pattern[str], text: str) -> JsonObject | None:
    """Return elements as arguments; None if there is anything else between them."""
    if pattern.sub("", text).strip():
        return None
    return {name.strip(): Untyped(value.strip()) for name, value in pattern.findall(text)}


def _attributes(text: str) -> Iterator[tuple[str, str]]:
    for found in ATTRIBUTE.finditer(text):
        yield found[1], found[3] if found[3] is not None else found[4]


def _of_attributes(given: Mapping[str, str]) -> Called | None:
    if "name" not in given:
        return None
    arguments = parsed(given["arguments"]) if "arguments" in given else {}
    return Called(given["name"], arguments) if isinstance(arguments, dict) else None
