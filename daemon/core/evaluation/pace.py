"""Estimates how long answers to suites take, from the pace of earlier answers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from daemon.core.evaluation.reports import AnsweringFigures


@dataclass(frozen=True)
class Pace:
    """A number of generated answers, and the seconds they took together."""

    answers: int = 0
    seconds: float = 0.0

    def __add__(self, other: "Pace") -> "Pace":
        """Return both together."""
        return Pace(self.answers + other.answers, self.seconds + other.seconds)


def paces_of(measured: Iterable[tuple[str, AnsweringFigures | None]]) -> dict[str, Pace]:
    """Return the pace of each suite, from the measured answers of each subject to it."""
    found: dict[str, Pace] = {}
    for suite, one in measured:
        if one is not None and one.answers:
            pace = Pace(one.answers, one.seconds)
            found[suite] = found.get(suite, Pace()) + pace
    return found


def seconds_for(paces: Mapping[str, Pace], answers: Mapping[str, int]) -> float | None:
    """Return the seconds that so many answers to each suite take; None without any pace.

    A suite that was never measured is assumed to have the average pace of the others.
    """
    together = sum(paces.values(), Pace())
    if not together.answers:
        return None
    return sum(
        count * pace.seconds / pace.answers
        for suite, count in answers.items()
        for pace in [paces.get(suite, together)]
    )
