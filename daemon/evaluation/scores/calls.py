"""Tool-call accuracy: compares the calls of an answer with the golden ones, and names failures."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from daemon.evaluation.scores.call_forms import Called, read_calls
from daemon.evaluation.scores.overlap import f1
from daemon.evaluation.scores.values import comparable, readings, same

FAILURES = (
    "markdown_wrapper",
    "self_closing_tag",
    "not_parsable",
    "wrong_function",
    "missing_call",
    "extra_call",
    "wrong_parameter_name",
    "invented_parameter",
    "extra_parameter",
    "missing_parameter",
    "wrong_value",
)


@dataclass(frozen=True, slots=True)
class Calls:
    """How an answer's calls agree with the golden ones; shares in [0, 1]."""

    parsable: bool
    right_functions: bool
    """The same functions were called, each as often, in any order."""
    argument_f1: float
    correct: bool
    """Everything is right, and there is no wrapper around the call."""
    failures: tuple[str, ...]
    """Each kind as often as it occurred."""


def compare_calls(golden: str, answer: str, tools: Sequence[str] = ()) -> Calls:
    """Compare an answer's calls with golden ones; both may have any format.

    Text may surround marked calls, and precede unmarked ones where the golden answer has text
    too.

    Raises:
        ValueError: the golden answer is not a call.
    """
    right_one = read_calls(golden, after_text=True)
    wanted = right_one.calls
    if wanted is None:
        raise ValueError(f"the golden answer is not a call: {golden[:80]}")
    found = read_calls(answer, after_text=bool(right_one.text))
    given, failures = found.calls, list(found.wrappers)
    if given is None:
        return Calls(False, False, 0.0, False, (*failures, "not_parsable"))
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
        same(theirs.arguments[name], value)
        for name, value in mine.arguments.items()
        if name in theirs.arguments
    )


def _wrong_arguments(mine: Called, theirs: Called, known: frozenset[str] | None) -> Iterator[str]:
    """Yield what is wrong with a call's arguments; without tools only golden names are known."""
    lacking = {
        name: comparable(v) for name, v in mine.arguments.items() if name not in theirs.arguments
    }
    values = Counter(lacking.values())
    for name, value in theirs.arguments.items():
        if name in mine.arguments:
            if not same(value, mine.arguments[name]):
                yield "wrong_value"
        elif known is not None and name in known:
            yield "extra_parameter"
        elif found := next((form for form in readings(value) if values[form]), None):
            # The right value under a name that does not exist.
            values[found] -= 1
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
