"""Matches the answers of a file with the questions of suites."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from daemon.core.evaluation.suites import Suite

FORM = '{"id": "…", "answer": "…"}, with "suite": "…" where there are several suites'


@dataclass(frozen=True)
class GivenAnswer:
    """One line of a file of answers."""

    line: int
    suite: str | None
    id: str
    answer: str


@dataclass(frozen=True)
class Matched:
    """The answers of a file by suite and item, and those that match none."""

    answers: Mapping[str, Mapping[str, str]]
    missing: Mapping[str, int]
    """Questions without an answer, by suite."""
    unknown: int
    """Answers whose id is in none of the suites."""
    mistakes: tuple[str, ...]
    """Reasons why the file cannot be used, each with its line."""


def given_answer(line: int, row: Any) -> GivenAnswer | str:
    """Return the answer of a line of JSON, or what is wrong with it."""
    if not isinstance(row, dict):
        return f"line {line} is not an object: write {FORM}"
    suite, named, answer = row.get("suite"), row.get("id"), row.get("answer")
    if not isinstance(named, str) or not isinstance(answer, str):
        return f"line {line} does not have 'id' and 'answer' as strings: write {FORM}"
    if suite is not None and not isinstance(suite, str):
        return f"line {line}: 'suite' is not a string: write {FORM}"
    return GivenAnswer(line, suite, named, answer)


def match(given: Iterable[GivenAnswer], suites: Sequence[Suite]) -> Matched:
    """Match answers with questions; one without a suite belongs to the only item with its id."""
    ids_by_suite = {suite.name: {item.id for item in suite.items} for suite in suites}
    answers: dict[str, dict[str, str]] = {name: {} for name in ids_by_suite}
    unknown = 0
    mistakes = []
    for one in given:
        named = [one.suite] if one.suite is not None else list(ids_by_suite)
        homes = [name for name in named if one.id in ids_by_suite.get(name, ())]
        if not homes:
            unknown += 1
        elif len(homes) > 1:
            mistakes.append(
                f"line {one.line}: {one.id!r} is an item of {' and of '.join(homes)}: add 'suite'"
            )
        elif one.id in answers[homes[0]]:
            mistakes.append(f"line {one.line}: {one.id!r} is answered twice: leave one out")
        else:
            answers[homes[0]][one.id] = one.answer
    missing = {name: len(ids) - len(answers[name]) for name, ids in ids_by_suite.items()}
    return Matched(answers, missing, unknown, tuple(mistakes))
