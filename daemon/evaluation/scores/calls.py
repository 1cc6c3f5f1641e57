"""Tool calls: what an answer calls, in which spelling, and what is wrong with it; calls nothing."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from daemon.evaluation.scores.fields import parsed, unfenced
from daemon.evaluation.scores.overlap import f1
from daemon.evaluation.scores.values import comparable

FAILURES = (
    "markdown_wrapper", "self_closing_tag", "not_parsable", "wrong_function", "missing_call",
    "extra_call", "wrong_parameter_name", "invented_parameter", "extra_parameter",
    "missing_parameter", "wrong_value",
)  # fmt: skip
TAGGED = re.compile(r"<tool_call>(.*?)(?:</tool_call>|(?=<tool_call>)|$)", re.DOTALL)
SELF_CLOSING = re.compile(r"<(tool_call|function_call|function|tool)\b([^<>]*)/>")
ATTRIBUTE = re.compile(r"""(\w+)\s*=\s*("([^"]*)"|'([^']*)')""")


@dataclass(frozen=True, slots=True)
class Called:
    """One call in an answer."""

    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Calls:
    """How an answer's calls agree with the golden ones; shares in [0, 1]."""

    parsable: bool
    right_functions: bool
    """The same functions were called, each as often, in any order."""
    argument_f1: float
    correct: bool
    """Everything is right, and nothing stands around the call that must not."""
    failures: tuple[str, ...]
    """Each kind as often as it occurred."""


def calls_in(answer: str) -> tuple[list[Called] | None, tuple[str, ...]]:
    """Return the calls of an answer and the wrappers it should not have; None if not parsable.

    Read are a JSON object with `name` and `arguments` (also `parameters`, `function`, or OpenAI's
    `tool_calls`), a list of them, one a line, and `<tool_call>` tags around them.
    """
    text, fenced = unfenced(answer.strip())
    wrappers = ("markdown_wrapper",) if fenced else ()
    closed = None if parsed(text) is not None else SELF_CLOSING.search(text)
    if closed:
        found = _of_attributes(dict(_attributes(closed[2])))
        return (None if found is None else [found]), (*wrappers, "self_closing_tag")
    tagged = TAGGED.findall(text)
    calls: list[Called] = []
    for part in tagged or [text]:
        inside, fenced = unfenced(part)
        if fenced and not wrappers:
            wrappers = ("markdown_wrapper",)
        values = _values(inside)
        these = None if values is None else [_call(value) for value in values]
        if not these or None in these:
            return None, wrappers
        calls += [call for call in these if call is not None]
    return calls, wrappers


def _attributes(text: str) -> Iterator[tuple[str, str]]:
    for found in ATTRIBUTE.finditer(text):
        yield found[1], found[3] if found[3] is not None else found[4]


def _of_attributes(given: Mapping[str, str]) -> Called | None:
    if "name" not in given:
        return None
    arguments = parsed(given["arguments"]) if "arguments" in given else {}
    return Called(given["name"], arguments) if isinstance(arguments, dict) else None


def _values(text: str) -> list[Any] | None:
    """Return the JSON values of a text: one, or one a line."""
    whole = parsed(text)
    if whole is not None:
        if isinstance(whole, dict) and isinstance(whole.get("tool_calls"), list):
            whole = whole["tool_calls"]
        return whole if isinstance(whole, list) else [whole]
    each = [parsed(line) for line in text.splitlines() if line.strip()]
    return None if not each or None in each else each


def _call(value: Any) -> Called | None:
    if not isinstance(value, dict):
        return None
    inner = value.get("function")
    if isinstance(inner, dict):
        value = inner
    name = value.get("name", inner if isinstance(inner, str) else None)
    arguments = value.get("arguments", value.get("parameters", {}))
    if isinstance(arguments, str):
        arguments = parsed(arguments or "{}")
    if not isinstance(name, str) or not name or not isinstance(arguments, dict):
        return None
    return Called(name, arguments)


def compare_calls(golden: str, answer: str, tools: Sequence[str] = ()) -> Calls:
    """Compare an answer's calls with golden ones, which are JSON as the suites hold it.

    Raises:
        ValueError: the golden answer is no call.
    """
    wanted, _ = calls_in(golden)
    if wanted is None:
        raise ValueError(f"the golden answer is no call: {golden[:80]}")
    given, wrappers = calls_in(answer)
    if given is None:
        return Calls(False, False, 0.0, False, (*wrappers, "not_parsable"))
    failures = list(wrappers)
    shared = 0
    pairs, missing, extra = _paired(wanted, given)
    failures += _unpaired(missing, extra)
    known = _known(tools)
    for mine, theirs in pairs:
        shared += _agreeing(mine, theirs)
        failures += _wrong_arguments(mine, theirs, known.get(mine.name))
    right = not missing and not extra
    counts = [sum(len(call.arguments) for call in side) for side in (given, wanted)]
    score = f1(shared, *counts) if sum(counts) else float(right)
    return Calls(True, right, score, not failures, tuple(failures))


def _paired(
    wanted: Sequence[Called], given: Sequence[Called]
) -> tuple[list[tuple[Called, Called]], list[Called], list[Called]]:
    """Pair calls of one function, the most alike first; return pairs, missing and extra ones."""
    ranked = sorted(
        (-_agreeing(mine, theirs), left, right)
        for left, mine in enumerate(wanted)
        for right, theirs in enumerate(given)
        if mine.name == theirs.name
    )
    lefts: dict[int, int] = {}
    for _, left, right in ranked:
        if left not in lefts and right not in lefts.values():
            lefts[left] = right
    pairs = [(wanted[left], given[right]) for left, right in sorted(lefts.items())]
    missing = [call for number, call in enumerate(wanted) if number not in lefts]
    used = set(lefts.values())
    return pairs, missing, [call for number, call in enumerate(given) if number not in used]


def _unpaired(missing: Sequence[Called], extra: Sequence[Called]) -> list[str]:
    wrong = min(len(missing), len(extra))
    return [
        *["wrong_function"] * wrong,
        *["missing_call"] * (len(missing) - wrong),
        *["extra_call"] * (len(extra) - wrong),
    ]


def _agreeing(mine: Called, theirs: Called) -> int:
    return sum(
        comparable(theirs.arguments[name]) == comparable(value)
        for name, value in mine.arguments.items()
        if name in theirs.arguments
    )


def _wrong_arguments(mine: Called, theirs: Called, known: frozenset[str] | None) -> Iterator[str]:
    """Give what is wrong with a call's arguments; without tools only the golden names are known."""
    lacking = {
        name: comparable(v) for name, v in mine.arguments.items() if name not in theirs.arguments
    }
    values = Counter(lacking.values())
    for name, value in theirs.arguments.items():
        if name in mine.arguments:
            if comparable(value) != comparable(mine.arguments[name]):
                yield "wrong_value"
        elif known is not None and name in known:
            yield "extra_parameter"
        elif values[comparable(value)]:
            # The right value under a name that does not exist.
            values[comparable(value)] -= 1
            yield "wrong_parameter_name"
        else:
            yield "invented_parameter"
    yield from ["missing_parameter"] * values.total()


def _known(tools: Sequence[str]) -> dict[str, frozenset[str]]:
    """Return the names of each function's parameters."""
    found: dict[str, frozenset[str]] = {}
    for tool in tools:
        function = json.loads(tool).get("function", {})
        parameters = function.get("parameters") or {}
        found[function.get("name", "")] = frozenset(parameters.get("properties") or {})
    return found
