from dataclasses import replace

from daemon.core.workspace.jobs import JobCard
from daemon.supervisor.card_cache import SPARE, CardCache
from tests.core import worlds as w


def test_each_card_is_made_once_until_it_changes_or_all_are_forgotten() -> None:
    asked: list[str] = []

    def make(card: JobCard) -> str:
        asked.append(card.job)
        return f"{card.name}:{card.intake_starts}"

    made = CardCache(make)
    cards = tuple(w.card(number) for number in range(3))
    first = made.of(cards)
    assert made.of(cards) == first and len(asked) == 3
    cards = (cards[0], replace(cards[1], intake_starts=1), cards[2])
    assert made.of(cards)[1].endswith(":1") and len(asked) == 4
    made.forget()
    assert made.of(cards)[0] == first[0] and len(asked) == 7


def test_what_was_made_of_ended_jobs_is_dropped() -> None:
    made = CardCache(lambda card: card.job)
    many = tuple(w.card(number) for number in range(4 * SPARE))
    made.of(many)
    assert made.of(many[:2]) == [card.job for card in many[:2]]
    assert len(made._known) == 2
