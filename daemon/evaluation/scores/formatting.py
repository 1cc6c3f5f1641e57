"""Length and markdown habits of answers, and how closely answers keep to the training answers'."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

TRAITS = {
    "bold": re.compile(r"(\*\*|__)(?=\S)(.{1,500}?)(?<=\S)\1"),
    "list": re.compile(r"^[ \t]*(?:[-*+•]|\d{1,3}[.)])[ \t]+\S", re.MULTILINE),
    "heading": re.compile(r"^#{1,6}[ \t]+\S", re.MULTILINE),
    "code": re.compile(r"^[ \t]*(?:```|~~~)", re.MULTILINE),
    "paragraphs": re.compile(r"\S[ \t]*\n[ \t]*\n\s*\S"),
}
"""Traits an answer may have; `paragraphs`: more than one."""
THREE = ("bold", "list", "paragraphs")
"""The traits that are counted of one answer: so many of three."""
LOW, HIGH = 0.05, 0.95


@dataclass(frozen=True, slots=True)
class Habit:
    """How answers are usually written, measured from the training answers."""

    answers: int
    shortest: int
    """Characters that 95 % of the answers reach."""
    longest: int
    """Characters that 95 % of the answers do not pass."""
    shares: Mapping[str, float]
    """Part of the answers with each trait."""
    name: str = ""
    """Whose answers they are: a file as it was dropped, or a suite."""
    characters: float = 0.0
    """Mean length."""

    @property
    def of_three(self) -> float:
        """How many of bold, lists and paragraphs an answer has, on the average."""
        return sum(self.shares.get(trait, 0.0) for trait in THREE)


def traits_of(answer: str) -> frozenset[str]:
    """Return the traits of an answer."""
    return frozenset(name for name, mark in TRAITS.items() if mark.search(answer))


def shares_of(found: Sequence[frozenset[str]]) -> dict[str, float]:
    """Return the part of the answers with each trait, given the traits of each."""
    count = len(found)
    return {name: sum(name in traits for traits in found) / count for name in TRAITS if count}


def of_three(traits: Iterable[str]) -> int:
    """Return how many of bold, lists and paragraphs are among the traits."""
    return sum(trait in THREE for trait in traits)


def habit_of(answers: Iterable[str], name: str = "") -> Habit | None:
    """Measure how answers are written; None without answers."""
    texts = [answer.strip() for answer in answers]
    if not texts:
        return None
    lengths = sorted(map(len, texts))
    found = [traits_of(text) for text in texts]
    shares = shares_of(found)
    last = len(lengths) - 1
    shortest, longest = lengths[round(LOW * last)], lengths[round(HIGH * last)]
    return Habit(len(texts), shortest, longest, shares, name, sum(lengths) / len(lengths))


def length_fit(habit: Habit, answer: str) -> float:
    """Return 1 for a usual length, else the ratio by which it is too short or too long."""
    length = len(answer.strip())
    if length < habit.shortest:
        return length / habit.shortest
    return habit.longest / length if length > habit.longest else 1.0


def compliance(habit: Habit, found: Sequence[frozenset[str]]) -> float | None:
    """Return 1 minus the mean gap between each trait's share and the wanted one; None if empty.

    Traits that neither the training answers nor these have are left out.
    """
    if not found:
        return None
    shares = shares_of(found)
    gaps = [
        abs(shares[name] - wanted)
        for name, wanted in habit.shares.items()
        if wanted > 0.0 or shares[name] > 0.0
    ]
    return 1.0 - sum(gaps) / len(gaps) if gaps else 1.0
