"""A file of answers, wherever the user keeps it: one JSON object a line; asks no model."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from daemon.core.evaluation.answer_files import GivenAnswer, given_answer
from daemon.folders.disk import atomic


@dataclass(frozen=True)
class AnswerFile:
    """What a file holds."""

    sha256: str
    given: tuple[GivenAnswer, ...]
    mistakes: tuple[str, ...]
    """Lines that are no answers, and why."""


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
            found = f"line {number} is no JSON: write one object a line"
        if isinstance(found, GivenAnswer):
            given.append(found)
        else:
            mistakes.append(found)
    return AnswerFile(hashlib.sha256(data).hexdigest(), tuple(given), tuple(mistakes))


def add(path: Path, suite: str, item: str, answer: str) -> None:
    """Add an answer durably, so that one who is interrupted need not ask again."""
    atomic.append_line(path, line_of(suite, item, answer))


def line_of(suite: str, item: str, answer: str) -> bytes:
    """Return an answer as a line of a file of answers."""
    line = json.dumps({"suite": suite, "id": item, "answer": answer}, ensure_ascii=True)
    return line.encode() + b"\n"
