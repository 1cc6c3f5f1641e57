"""Compares rows by their text where keys propose it: with rows of other jobs and with exams."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from daemon.core.rows.examples import Example
from daemon.core.workspace.jobs import arrival_of
from daemon.dedup.answers import completes
from daemon.dedup.index import Earlier, Index
from daemon.dedup.judging import Judge, Side
from daemon.dedup.sealing import turn_context
from daemon.dedup.seen import Seen
from daemon.dedup.short import ShortQuestions
from daemon.dedup.superseding import Superseded
from daemon.folders.queue.fingerprints import Keys

How = Literal["exact", "wording", "spelling"]
ExampleAt = Callable[[int], Example]
"""Gives the example of a place in the keys."""
ItemAt = Callable[[Earlier], Example | None]
"""Gives an item of an exam; None if it is gone."""
Bools = npt.NDArray[np.bool_]


Own = Literal["one", "several", "meant"]
"""How many answers a row's own file gives to its question, and whether these are meant."""


@dataclass(frozen=True, slots=True)
class ExamRow:
    """A question of an exam and where it stands."""

    example: Example
    job: str
    line: int


MOST_COMPARED = 64
"""Earlier rows compared with one row by text."""


@dataclass(frozen=True, slots=True)
class Match:
    """An earlier row that is, or asks, the same."""

    kind: Literal["duplicate", "conflict", "correction", "superseded", "exam"]
    how: How
    job: str
    line: int
    other: str = ""
    """The earlier answer, where the two contradict each other."""
    earlier: Earlier | None = field(default=None, compare=False)
    """Where it stands."""


def seen_before(
    keys: Keys,
    example_at: ExampleAt,
    index: Index,
    seen: Seen,
    judge: Judge,
    job: str,
    near: bool,
    several: Bools | None = None,
    superseded: Superseded | None = None,
    meant: Bools | None = None,
) -> dict[int, Match]:
    """Return for places in `keys` what was trained before: a duplicate, or else a conflict.

    `job` is never compared with itself. Without `near`, only rows equal in everything are found.
    `several` says which rows have more than one answer to their question in their own file: these
    correct nothing. Those of them whose answers are `meant` (by default all) are repeated by an
    equal answer only. Rows that are `superseded` were seen no more.
    """
    past = superseded or Superseded(index, seen.example, judge, wanted=False)
    exact = past.living(index.exact(keys, job))
    found = {place: _exact("duplicate", earlier) for place, earlier in exact.items()}
    rest = [place for place in range(len(keys)) if place not in found] if near else []
    for number, earlier in index.near(keys[rest], job).items():
        place = rest[number]
        beside = several is not None and bool(several[place])
        on_purpose = beside and (meant is None or bool(meant[place]))
        own: Own = "meant" if on_purpose else "several" if beside else "one"
        mine = judge.side(example_at(place))
        match = _first_match(keys[place], mine, past.live(earlier), own, seen, judge)
        if match is not None:
            found[place] = _by_age(match, job)
    return found


def _by_age(match: Match, job: str) -> Match:
    """Return a match as it is for a job that arrived before what it would correct."""
    older = arrival_of(job) < arrival_of(match.job)
    return replace(match, kind="superseded") if match.kind == "correction" and older else match


def _exact(kind: Literal["duplicate", "exam"], earlier: Earlier) -> Match:
    return Match(kind, "exact", earlier.job, earlier.line, earlier=earlier)


def _first_match(
    key: np.void,
    mine: Side,
    earlier: Sequence[Earlier],
    own: Own,
    seen: Seen,
    judge: Judge,
) -> Match | None:
    """Return what the first earlier row that settles it makes of a row, or else a conflict."""
    equal = [one for one in earlier if one.question == key["question"]]
    answers = {one.answer for one in equal}
    for one in equal:
        if one.answer == key["answer"]:
            return Match("duplicate", "wording", one.job, one.line, earlier=one)
    conflict: Match | None = None
    for one in earlier[:MOST_COMPARED]:
        is_same_question = one in equal
        if is_same_question and (len(answers) > 1 or own == "meant"):
            continue  # Many answers on purpose: one more of them is none too many.
        match = _match(mine, one, seen, judge)
        if match is not None and match.kind == "correction" and own == "several":
            match = _repetition(match, mine, one, seen, judge)
        if match is not None and match.kind != "conflict":
            return match
        conflict = conflict or match
    return conflict


def _repetition(
    match: Match, mine: Side, earlier: Earlier, seen: Seen, judge: Judge
) -> Match | None:
    """Return a match of one of several answers, which corrects nothing but may repeat."""
    example = seen.example(earlier)
    if example is None or judge.settled("wording", mine, judge.side(example)) == "contradict":
        return None
    return replace(match, kind="duplicate", other="")


def _match(mine: Side, earlier: Earlier, seen: Seen, judge: Judge) -> Match | None:
    example = seen.example(earlier)
    if example is None:
        return None
    its = judge.side(example)
    likeness = judge.likeness(mine, its)
    if likeness is None:
        return None
    at = (likeness, earlier.job, earlier.line)
    verdict = judge.settled(likeness, mine, its)
    if mine.question.equals(its.question):
        if judge.corrects(mine, its):
            return Match("correction", *at, its.answer, earlier)
        return Match("duplicate", *at, earlier=earlier)
    if verdict == "contradict":
        return Match("conflict", *at, its.answer, earlier)
    if verdict == "different" or completes(mine.answer, its.answer):
        return None
    return Match("duplicate", *at, earlier=earlier)


def on_exam(
    keys: Keys,
    example_at: ExampleAt,
    index: Index,
    exam_at: ItemAt,
    judge: Judge,
    job: str,
    near: bool,
    superseded: Superseded | None = None,
) -> dict[int, Match]:
    """Return for places in `keys` the held-out row that is, or asks, the same.

    An equal question with an answer that takes the place of the exam's is its correction.
    """
    past = superseded or Superseded(index, exam_at, judge, wanted=False)
    exact = past.living(index.exact(keys, job))
    found = {place: _exact("exam", earlier) for place, earlier in exact.items()}
    rest = [place for place in range(len(keys)) if place not in found] if near else []
    for number, several in index.near(keys[rest], job).items():
        place = rest[number]
        mine, live = judge.side(example_at(place)), past.live(several)
        answers = {one.answer for one in live if one.question == keys["question"][place]}
        for earlier in live[:MOST_COMPARED]:
            exam = exam_at(earlier)
            match = None if exam is None else _on_exam(mine, exam, earlier, judge)
            if match is not None:
                # Of several live answers to a question none is corrected.
                found[place] = match if len(answers) == 1 else replace(match, kind="exam")
                break
    return found


def _on_exam(mine: Side, exam: Example, earlier: Earlier, judge: Judge) -> Match | None:
    its = judge.side(exam)
    likeness = judge.likeness(mine, its)
    if likeness is None or (likeness == "spelling" and not judge.answers_agree(mine, its)):
        return None
    if mine.question.equals(its.question) and judge.corrects(mine, its):
        return Match("correction", likeness, earlier.job, earlier.line, its.answer, earlier)
    return Match("exam", likeness, earlier.job, earlier.line, earlier=earlier)


def on_short_exam(
    example: Example,
    question: str,
    short: ShortQuestions,
    exam_at: Callable[[int], ExamRow],
    judge: Judge,
) -> Match | None:
    """Return the short exam question that a row asks in these words, or nearly in them."""
    for place, likeness in short.find(question):
        exam = exam_at(place)
        if likeness == "wording" or judge.answers_an_item(example, exam.example):
            return Match("exam", likeness, exam.job, exam.line)
    return None


def on_suite(
    keys: Keys, example_at: ExampleAt, index: Index, item_at: ItemAt, judge: Judge, near: bool
) -> dict[int, Match]:
    """Return for places in `keys` the item of a suite that a row asks, in whatever context."""
    found = {place: _exact("exam", earlier) for place, earlier in index.exact(keys).items()}
    rest = [place for place in range(len(keys)) if place not in found] if near else []
    free = keys[rest]
    turn_context(free)
    for number, several in index.near(free).items():
        example = example_at(rest[number])
        for earlier in several[:MOST_COMPARED]:
            item = item_at(earlier)
            how = None if item is None else judge.asks_an_item(example, item)
            if how is not None:
                found[rest[number]] = Match("exam", how, earlier.job, earlier.line)
                break
    return found
