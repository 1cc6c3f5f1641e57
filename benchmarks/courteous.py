"""Makes repetitions of real questions: each stands there twice, with two independent answers.

The answers are those of a preference set (the better and the worse one), or of two models to the
same instructions. The second one stands under the question in other words of courtesy: so people
ask one thing twice and get two answers.
"""

import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.planted import courteous
from daemon.core.rows.examples import Chat, Turn
from daemon.dedup.unspaced import is_unspaced

_CHINESE = (
    "\u8bf7\u95ee\uff0c{asked}",
    "\u4f60\u597d\uff0c{asked}",
    "{asked}\u8c22\u8c22\uff01",
    "\u9ebb\u70e6\u95ee\u4e00\u4e0b\uff0c{asked}",
    "\u60f3\u8bf7\u95ee\u4e00\u4e0b\uff0c{asked}",
    "\u80fd\u544a\u8bc9\u6211\u5417\uff1a{asked}",
    "{asked}\uff0c\u8c22\u8c22\u4f60",
    "\u60a8\u597d\uff01{asked}",
)
_QUESTIONS = ("instruction", "prompt")
_ANSWERS = ("output", "response")


def preference_rows(path: Path, seed: int) -> list[Chat]:
    """Return two rows for each item of a preference set with one question each."""
    items = json.loads(path.read_text(encoding="utf-8"))
    return _twice(
        (
            (turns[-1]["value"], item["chosen"]["value"], item["rejected"]["value"])
            for item in items
            for turns in [item["conversations"]]
        ),
        seed,
    )


def two_models_rows(one: Path, other: Path, seed: int) -> list[Chat]:
    """Return two rows for each question that both files answer, in the order of the first."""
    first, second = _answers(one), dict(_answers(other))
    return _twice(((q, answer, second[q]) for q, answer in first if q in second), seed)


def _answers(path: Path) -> list[tuple[str, str]]:
    text = path.read_text(encoding="utf-8")
    items: list[dict[str, Any]]
    if path.suffix == ".json":
        items = json.loads(text)
    else:
        items = [json.loads(line) for line in text.splitlines()]
    found = [(_first(item, _QUESTIONS), _first(item, _ANSWERS)) for item in items]
    return [(question, answer) for question, answer in found if answer]


def _first(item: dict[str, Any], keys: tuple[str, ...]) -> str:
    return next((item[key] for key in keys if item.get(key)), "")


def _twice(items: Iterable[tuple[str, str, str]], seed: int) -> list[Chat]:
    """Return of item n row 2n, the question as it is, and row 2n + 1, the same in courtesy."""
    rng = random.Random(seed)
    rows: list[Chat] = []
    for question, answer, other in items:
        asked = question.strip()
        rows.append(_row(asked, answer))
        rows.append(_row(_in_courtesy(asked, rng), other))
    return rows


def _in_courtesy(asked: str, rng: random.Random) -> str:
    if is_unspaced(asked):
        return rng.choice(_CHINESE).format(asked=asked)
    return courteous(asked, rng)


def _row(asked: str, answer: str) -> Chat:
    return Chat((Turn("user", asked), Turn("assistant", answer)))
