"""Matches the answers of a file with questions: of our own form, or the results of another tool."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from daemon.core.evaluation.suites import Suite

FORM = (
    '{"id": "…", "answer": "…"}, with "suite": "…" where several suites are chosen, or '
    '{"prompt": "…", "response": "…"} as other tools write results'
)
LISTS = ("results", "samples", "predictions", "responses", "answers", "details", "items", "data")
"""Keys under which tools write a list of results into one JSON object."""
QUESTIONS = ("prompt", "question", "input", "instruction", "query")
ANSWERS = (
    *("prediction", "model_answer", "model_output", "response", "generated", "generated_text"),
    *("filtered_resps", "resps", "output", "completion", "answer"),
)
"""Keys of an answer; `answer` comes last, as beside another of these it is the golden one."""


@dataclass(frozen=True)
class GivenAnswer:
    """One answer of a file."""

    line: int
    suite: str | None
    id: str
    """Empty where the question alone says what it answers."""
    answer: str
    question: str = ""
    """The question as the file has it."""


@dataclass(frozen=True)
class Matched:
    """The answers of a file by suite and item, and those that match none."""

    answers: Mapping[str, Mapping[str, str]]
    missing: Mapping[str, int]
    """Questions without an answer, by suite."""
    unknown: int
    """Answers whose id or question is in none of the suites."""
    mistakes: tuple[str, ...]
    """Reasons why the file cannot be used, each with its line."""


def rows_in(value: object) -> Sequence[object] | None:
    """Return the results in a whole JSON value; None if it is not a list of them."""
    if isinstance(value, dict):
        value = next((value[key] for key in LISTS if isinstance(value.get(key), list)), None)
    return value if isinstance(value, list) else None


def given_answer(line: int, row: Any) -> GivenAnswer | str:
    """Return the answer of a row, or what is wrong with it."""
    if not isinstance(row, dict):
        return f"line {line} is not an object: write {FORM}"
    suite, named = row.get("suite"), row.get("id")
    answer, question = _answer_in(row), _question_in(row)
    if answer is None or not (question or isinstance(named, str)):
        return f"line {line} does not have 'id' and 'answer' as strings: write {FORM}"
    if suite is not None and not isinstance(suite, str):
        return f"line {line}: 'suite' is not a string: write {FORM}"
    return GivenAnswer(line, suite, named if isinstance(named, str) else "", answer, question)


def _answer_in(row: Mapping[str, object]) -> str | None:
    subjects = row.get("answers")
    if isinstance(subjects, dict) and len(subjects) == 1:
        # A line of the details.jsonl of an evaluation of one subject.
        (found,) = subjects.values()
        return _text(found.get("text")) if isinstance(found, dict) else None
    return next((text for key in ANSWERS if (text := _text(row.get(key))) is not None), None)


def _text(value: Any) -> str | None:
    """Return a text, or the first of nested lists of them."""
    while isinstance(value, list) and value:
        value = value[0]
    return value if isinstance(value, str) else None


def _question_in(row: Mapping[str, object]) -> str:
    document = row.get("doc")
    places: list[Mapping[str, object]] = [row]
    if isinstance(document, dict):
        places.append(document)
    found = (place[key] for place in places for key in QUESTIONS if key in place)
    return next((text for one in found if (text := _last_text(one)) is not None), "")


def _last_text(value: Any) -> str | None:
    """Return a text, or the content of the last message of a conversation."""
    if isinstance(value, list) and value and isinstance(value[-1], dict):
        value = value[-1].get("content")
    return value if isinstance(value, str) and value.strip() else None


def match(given: Iterable[GivenAnswer], suites: Sequence[Suite]) -> Matched:
    """Match answers with questions by id, or by the text of the question.

    One without a suite belongs to the only one that has it.
    """
    ids = {suite.name: {item.id: item.id for item in suite.items} for suite in suites}
    texts = {suite.name: _by_question(suite) for suite in suites}
    answers: dict[str, dict[str, str]] = {name: {} for name in ids}
    unknown = 0
    mistakes = []
    for one in given:
        named = [one.suite] if one.suite is not None else list(ids)
        homes = list(_homes(one, named, ids, texts))
        if not homes:
            unknown += 1
        elif len(homes) > 1:
            where = " and of ".join(name for name, _ in homes)
            shown = repr(one.id or one.question[:60])
            mistakes.append(f"line {one.line}: {shown} is an item of {where}: add 'suite'")
        elif homes[0][1] in answers[homes[0][0]]:
            shown = repr(one.id or one.question[:60])
            mistakes.append(f"line {one.line}: {shown} is answered twice: leave one out")
        else:
            ((suite, item),) = homes
            answers[suite][item] = one.answer
    missing = {name: len(its) - len(answers[name]) for name, its in ids.items()}
    return Matched(answers, missing, unknown, tuple(mistakes))


def _homes(
    one: GivenAnswer,
    named: Iterable[str],
    ids: Mapping[str, Mapping[str, str]],
    texts: Mapping[str, Mapping[str, str]],
) -> Iterator[tuple[str, str]]:
    """Yield suite and item of each question that an answer may belong to.

    Numbers of another tool are not our ids: where there is a question, it alone decides, unless it
    is a row of ours.
    """
    for name in named:
        found = ids.get(name, {}).get(one.id) if one.id else None
        by_text = texts.get(name, {}).get(_plain(one.question)) if one.question else None
        item = by_text if one.question and (by_text or not one.suite) else found
        if item is not None:
            yield name, item


def _by_question(suite: Suite) -> dict[str, str]:
    """Return the items by the text of their last turn, those left out that share one."""
    found: dict[str, str | None] = {}
    for item in suite.items:
        text = _plain(item.messages[-1].content)
        found[text] = None if text in found else item.id
    return {text: named for text, named in found.items() if named is not None}


def _plain(text: str) -> str:
    return " ".join(text.split())
