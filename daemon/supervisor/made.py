"""What is made of each job's card for a look, kept while the card is the same; knows no folder."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from daemon.core.jobs import JobCard

Made = TypeVar("Made")

SPARE = 64
"""So many more than twice the cards may be kept before those of ended jobs are dropped."""


class MadeOfCards(Generic[Made]):
    """With thousands of jobs, to make all anew would take most of a look."""

    def __init__(self, make: Callable[[JobCard], Made]) -> None:
        self._make = make
        self._known: dict[str, tuple[JobCard, Made]] = {}

    def of(self, cards: Sequence[JobCard]) -> list[Made]:
        """Return what is made of each card, in their order."""
        known = self._known
        found = []
        for card in cards:
            one = known.get(card.job)
            if one is None or one[0] is not card:
                one = known[card.job] = card, self._make(card)
            found.append(one[1])
        if len(known) > 2 * len(cards) + SPARE:
            self._known = {card.job: known[card.job] for card in cards}
        return found

    def forget(self) -> None:
        """Make all anew at the next look."""
        self._known = {}
