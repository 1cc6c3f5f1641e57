"""Types of the figures on how answers are written, in reports of evaluations."""

from collections.abc import Mapping, Sequence
from typing import TypedDict


class AnswerFigures(TypedDict):
    """Length, formatting and likeness of one answer."""

    characters: int
    traits: Sequence[str]
    of_three: int
    length: float | None
    style: float | None
    right: bool | None
    warnings: Sequence[str]


class WrittenAnswer(AnswerFigures):
    """An answer beside its figures."""

    text: str


class WrittenQuestion(TypedDict):
    """A question with every subject's answer."""

    id: str
    question: str
    golden: str | None
    answers: Mapping[str, WrittenAnswer]


class HabitFigures(TypedDict):
    """The habit of a file: how its answers are usually written."""

    name: str
    answers: int
    characters: float
    shares: Mapping[str, float]
    of_three: float


class WritingAverages(TypedDict):
    """The averages of one subject's answers to a suite."""

    items: int
    characters: float
    shares: Mapping[str, float]
    of_three: float
    formatting: float | None
    length: float | None
    style: float | None
    weak: int


class SuiteWriting(TypedDict):
    """The writing of all subjects' answers to a suite."""

    suite: str
    open: bool
    habits: Sequence[HabitFigures]
    subjects: Mapping[str, WritingAverages]
    questions: Sequence[WrittenQuestion]
    of: int


class ShownAnswer(TypedDict):
    """An answer in one line."""

    subject: str
    text: str
    about: str
    warnings: Sequence[str]


class ShownQuestion(TypedDict):
    """A question with every subject's answer, in one line each."""

    id: str
    question: str
    golden: str | None
    answers: Sequence[ShownAnswer]


class ShownSuite(TypedDict):
    """The questions of a suite that are shown, and how many there are."""

    suite: str
    open: bool
    of: int
    questions: Sequence[ShownQuestion]
