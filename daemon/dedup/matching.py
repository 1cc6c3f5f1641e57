"""Compares rows by their text where keys propose it: within a file, and with rows of other jobs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from daemon.core.rows.examples import Example, Text, first_question
from daemon.dedup.families import question_text
from daemon.dedup.index import Earlier, Index
from daemon.dedup.likeness import Likeness, Settled, same_question, settle
from daemon.dedup.sealing import Sealer, answers_of, is_lone
from daemon.dedup.seen import Seen
from daemon.dedup.short import ShortQuestions
from daemon.dedup.wording import Wording
from daemon.folders.queue.fingerprints import Keys

How = Literal["exact", "wording", "spelling"]
ExampleAt = Callable[[int], Example]
"""Gives the example of a place in the keys."""


@dataclass(frozen=True, slots=True)
class Exam:
    """A question of an exam and where it stands."""

    example: Example
    job: str
    line: int


MOST_COMPARED = 64
"""Earlier rows compared with one row by text."""


@dataclass(frozen=True, slots=True)
class Match:
    """An earlier row that is, or asks, the same."""

    kind: Literal["duplicate", "conflict", "exam"]
    how: How
    job: str
    line: int
    other: str = ""
    """The earlier answer, where the two contradict each other."""


@dataclass(frozen=True, slots=True)
class Side:
    """What is compared of one example."""

    wording: Wording
    answers: str
    lone: bool
    """Nothing but the question stands before the answer."""
    plain: bool
    """It is plain text."""
    group: str | None
    original: str
    """The wording of the question that it is a variant of; empty for none."""
    first: str
    """The wording of its own first question."""

    def is_kin(self, other: "Side") -> bool:
        """Return whether both are declared to be variants of one example."""
        if self.group is not None and self.group == other.group:
            return True
        if self.original:
            return self.original in (other.first, other.original)
        return bool(other.original) and other.original == self.first


class Judge:
    """Decides about two examples; remembers words."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def side(self, example: Example) -> Side:
        """Return what is compared of an example."""
        words, original = self._sealer.words, example.variant_of
        return Side(
            self._sealer.wording(example),
            answers_of(example),
            is_lone(example),
            isinstance(example, Text),
            example.group,
            "" if original is None else question_text(original, words),
            question_text(first_question(example), words),
        )

    def likeness(self, one: Side, other: Side) -> Likeness | None:
        """Return how near two questions are; variants of one example are never compared."""
        if one.plain != other.plain or one.is_kin(other):
            return None
        return same_question(one.wording, other.wording)

    def settled(self, likeness: Likeness, one: Side, other: Side) -> Settled:
        """Return what the answers make of two examples with one question."""
        return settle(likeness, one.answers, other.answers, one.lone and other.lone)


def seen_before(
    keys: Keys,
    example_at: ExampleAt,
    index: Index,
    seen: Seen,
    judge: Judge,
    job: str,
    near: bool,
) -> dict[int, Match]:
    """Return for places in `keys` what was trained before: a duplicate, or else a conflict.

    `job` is never compared with itself. Without `near`, only rows equal in everything are found.
    """
    found = {
        place: Match("duplicate", "exact", earlier.job, earlier.line)
        for place, earlier in index.exact(keys, job).items()
    }
    rest = [place for place in range(len(keys)) if place not in found] if near else []
    for number, several in index.near(keys[rest], job).items():
        match = _first_match(judge.side(example_at(rest[number])), several, seen, judge)
        if match is not None:
            found[rest[number]] = match
    return found


def _first_match(mine: Side, several: Sequence[Earlier], seen: Seen, judge: Judge) -> Match | None:
    conflict: Match | None = None
    for earlier in several[:MOST_COMPARED]:
        example = seen.example(earlier)
        if example is None:
            continue
        its = judge.side(example)
        likeness = judge.likeness(mine, its)
        if likeness is None:
            continue
        settled = judge.settled(likeness, mine, its)
        if settled == "duplicate":
            return Match("duplicate", likeness, earlier.job, earlier.line)
        if settled == "conflict" and conflict is None:
            how = likeness
            conflict = Match("conflict", how, earlier.job, earlier.line, its.answers)
    return conflict


def on_exam(
    keys: Keys,
    example_at: ExampleAt,
    index: Index,
    exam_at: Callable[[Earlier], Example | None],
    judge: Judge,
    job: str,
    near: bool,
) -> dict[int, Match]:
    """Return for places in `keys` the exam row that is, or asks, the same; its answer is no excuse.

    Only a slip of spelling needs an answer near the exam's: it may be another word after all.
    """
    found = {
        place: Match("exam", "exact", earlier.job, earlier.line)
        for place, earlier in index.exact(keys, job).items()
    }
    rest = [place for place in range(len(keys)) if place not in found] if near else []
    for number, several in index.near(keys[rest], job).items():
        mine = judge.side(example_at(rest[number]))
        for earlier in several[:MOST_COMPARED]:
            exam = exam_at(earlier)
            how = None if exam is None else _on_exam(mine, judge.side(exam), judge)
            if how is not None:
                found[rest[number]] = Match("exam", how, earlier.job, earlier.line)
                break
    return found


def on_short_exam(
    example: Example,
    asked: str,
    short: ShortQuestions,
    exam_at: Callable[[int], Exam],
    judge: Judge,
) -> Match | None:
    """Return the short exam question that a row asks in these words, or nearly in them."""
    for place, likeness in short.find(asked):
        exam = exam_at(place)
        same = likeness == "wording"
        if not same:
            mine, its = judge.side(example), judge.side(exam.example)
            same = not its.answers or judge.settled(likeness, mine, its) == "duplicate"
        if same:
            return Match("exam", likeness, exam.job, exam.line)
    return None


def _on_exam(mine: Side, exam: Side, judge: Judge) -> How | None:
    likeness = judge.likeness(mine, exam)
    if likeness == "spelling" and exam.answers:
        return "spelling" if judge.settled(likeness, mine, exam) == "duplicate" else None
    return None if likeness is None else likeness
