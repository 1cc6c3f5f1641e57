"""Reads and appends to files of answers for `compare`: one JSON object a line."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from daemon.core.evaluation.answer_files import GivenAnswer, given_answer
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
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            found = given_answer(number, json.loads(line))
        except (ValueError, RecursionError):
            found = f"line {number} is not JSON: write one object a line"
        if isinstance(found, GivenAnswer):
            given.append(found)
        else:
            mistakes.append(found)
    return AnswerFile(hashlib.sha256(data).hexdigest(), tuple(given), tuple(mistakes))


def add(path: Path, suite: str, item: str, answer: str) -> None:
    """Append an answer durably, so that an interrupted command need not request it again."""
    line = json.dumps({"suite": suite, "id": item, "answer": answer}, ensure_ascii=True)
    atomic.append_line(path, line.encode() + b"\n")
