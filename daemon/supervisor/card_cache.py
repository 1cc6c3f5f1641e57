"""Caches a value computed from each job card until the card changes."""

from collections.abc import Callable
from typing import Generic, TypeVar

from daemon.core.workspace.jobs import JobCard

Value = TypeVar("Value")

SPARE = 64
"""The cache may exceed twice the number of cards by this before ended jobs are dropped."""


class CardCache(Generic[Value]):
    """With thousands of jobs, computing all values anew would take most of a snapshot's time."""

    def __init__(self, compute: Callable[[JobCard], Value]) -> None:
        self._compute = compute
        self._known: dict[str, tuple[JobCard, Value]] = {}
        self._cards: tuple[JobCard, ...] = ()
        self._values: list[Value] = []

    def of(self, cards: tuple[JobCard, ...]) -> list[Value]:
        """Return the value of each card, in order."""
        if cards is not self._cards:
            self._values = [self._of(card) for card in cards]
            self._cards = cards
            if len(self._known) > 2 * len(cards) + SPARE:
                self._known = {card.job: self._known[card.job] for card in cards}
        return self._values.copy()

    def _of(self, card: JobCard) -> Value:
        one = self._known.get(card.job)
        if one is None or one[0] is not card:
            one = self._known[card.job] = card, self._compute(card)
        return one[1]

    def forget(self) -> None:
        """Drop all values, so that the next call computes them anew."""
        self._known, self._cards = {}, ()
