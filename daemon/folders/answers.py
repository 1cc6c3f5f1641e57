"""Reads and appends to files of answers, wherever the user keeps them."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon.core.evaluation.answer_files import GivenAnswer, given_answer, rows_in
from daemon.folders.disk import atomic


@dataclass(frozen=True)
class AnswerFile:
    """The content of a file of answers."""

    sha256: str
    given: tuple[GivenAnswer, ...]
    mistakes: tuple[str, ...]
    """Why lines are not answers."""


def read(path: Path) -> AnswerFile:
    """Read a file of answers.

    Raises:
        OSError: it cannot be read.
    """
    data = path.read_bytes()
    given: list[GivenAnswer] = []
    mistakes = []
    for number, row in _rows(data):
        found: GivenAnswer | str = f"line {number} is not JSON: write one object a line"
        if not isinstance(row, _Broken):
            found = given_answer(number, row)
        if isinstance(found, GivenAnswer):
            given.append(found)
        else:
            mistakes.append(found)
    return AnswerFile(hashlib.sha256(data).hexdigest(), tuple(given), tuple(mistakes))


class _Broken:
    """Stands for a line that cannot be read."""


def _rows(data: bytes) -> Iterator[tuple[int, Any]]:
    """Yield each row with its line; of one JSON text with a list, with its place in the list."""
    with suppress(ValueError, RecursionError):
        rows = rows_in(json.loads(data))
        if rows is not None:
            yield from enumerate(rows, 1)
            return
    for number, line in enumerate(data.split(b"\n"), 1):
        if line.strip():
            row: Any = _Broken()
            with suppress(ValueError, RecursionError):
                row = json.loads(line)
            yield number, row


def add(path: Path, suite: str, item: str, answer: str) -> None:
    """Append an answer durably, so that an interrupted command need not request it again."""
    atomic.append_line(path, line_of(suite, item, answer))


def line_of(suite: str, item: str, answer: str) -> bytes:
    """Return an answer as a line of a file of answers."""
    line = json.dumps({"suite": suite, "id": item, "answer": answer}, ensure_ascii=True)
    return line.encode() + b"\n"
