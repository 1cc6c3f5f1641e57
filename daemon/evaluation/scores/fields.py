"""Scores structured extraction: compares the fields of JSON records, nested ones by path."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from daemon.core.records import JsonObject
from daemon.evaluation.scores.overlap import f1
from daemon.evaluation.scores.values import Path, comparable, leaves

FENCES = ("```", "~~~")
DEEPEST = 100
"""Levels of a JSON value; records and calls have a few."""
LANGUAGE = re.compile(r"^\w+\s")


@dataclass(frozen=True, slots=True)
class FieldScore:
    """How an extracted record agrees with the golden one; shares in [0, 1]."""

    valid: bool
    """The answer is a JSON object and nothing else."""
    fenced: bool
    """It is wrapped in a markdown fence."""
    precision: float
    recall: float
    f1: float


def unfenced(text: str) -> tuple[str, bool]:
    """Return the content of a markdown fence around the whole text, and whether there is one."""
    inside = text.strip()
    mark = inside[:3]
    if mark not in FENCES:
        return text, False
    return LANGUAGE.sub("", inside[3:].removesuffix(mark)).strip(), True


def parsed(text: str) -> Any:
    """Return a JSON value; None if the text is not JSON, has NaN or Infinity, or is too deep."""
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None
    level, depth = [value], 0
    while level:
        depth += 1
        level = [inner for outer in level for inner in _inside(outer)]
    return value if depth <= DEEPEST else None


def _inside(value: Any) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def compare_fields(golden: str, answer: str) -> FieldScore:
    """Compare two records by path and value; a fenced record is compared too."""
    inside, fenced = unfenced(answer)
    given, wanted = parsed(inside), parsed(golden)
    if not isinstance(given, dict):
        return FieldScore(False, fenced, 0.0, 0.0, 0.0)
    left, right = _counted(wanted), _counted(given)
    shared = sum((left & right).values())
    mine, theirs = right.total(), left.total()
    return FieldScore(
        not fenced,
        fenced,
        shared / mine if mine else float(not theirs),
        shared / theirs if theirs else float(not mine),
        f1(shared, mine, theirs),
    )


def _counted(record: JsonObject) -> Counter[tuple[Path, Any]]:
    # An empty record has no field: its only leaf would be itself.
    return Counter((path, comparable(value)) for path, value in leaves(record) if path)
