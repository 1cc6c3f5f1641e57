"""What is made of each job's card for a look, kept while the card is the same; knows no folder."""

from collections.abc import Callable
from typing import Generic, TypeVar

from daemon.core.workspace.jobs import JobCard

Value = TypeVar("Value")

SPARE = 64
"""So many more than twice the cards may be kept before those of ended jobs are dropped."""


class CardCache(Generic[Value]):
    """With thousands of jobs, to make all anew would take most of a look."""

    def __init__(self, make: Callable[[JobCard], Value]) -> None:
        self._make = make
        self._known: dict[str, tuple[JobCard, Value]] = {}
        self._cards: tuple[JobCard, ...] = ()
        self._made: list[Value] = []

    def of(self, cards: tuple[JobCard, ...]) -> list[Value]:
        """Return what is made of each card, in their order."""
        if cards is not self._cards:
            self._made = [self._of(card) for card in cards]
            self._cards = cards
            if len(self._known) > 2 * len(cards) + SPARE:
                self._known = {card.job: self._known[card.job] for card in cards}
        return self._made.copy()

    def _of(self, card: JobCard) -> Value:
        one = self._known.get(card.job)
        if one is None or one[0] is not card:
            one = self._known[card.job] = card, self._make(card)
        return one[1]

    def forget(self) -> None:
        """Make all anew at the next look."""
        self._known, self._cards = {}, ()
