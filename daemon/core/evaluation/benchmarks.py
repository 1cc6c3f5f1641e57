"""Benchmarks of a version: right answers by suite, by difficulty and overall."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from daemon.core.evaluation.explanation import CANDIDATE
from daemon.core.evaluation.reports import BenchmarkFigures
from daemon.core.evaluation.set_names import EARLIER, OWN
from daemon.core.evaluation.suites import DIFFICULTIES
from daemon.core.training.evaluations import Evaluations

Counts = tuple[int, int]
"""Right answers, and questions with a golden answer."""


@dataclass(frozen=True)
class Benchmarks:
    """The right answers of one model to the suites of its exam."""

    suites: Mapping[str, Counts]
    difficulties: Mapping[str, Counts]

    @property
    def overall(self) -> Counts:
        """All suites together."""
        return _sum(self.suites.values())

    @property
    def sentence(self) -> str:
        """Every figure in words: `Easy: 95 % (95/100), …, Overall: 73 % (219/300)`.

        Suites are named too where one difficulty holds several of them.
        """
        parts = {name.capitalize(): counts for name, counts in self.difficulties.items()}
        if len(self.suites) > len(self.difficulties):
            parts |= self.suites
        parts["Overall"] = self.overall
        return ", ".join(f"{name}: {share(counts)}" for name, counts in parts.items())

    def as_record(self) -> BenchmarkFigures:
        """Return plain JSON values."""
        return {
            "suites": {name: list(counts) for name, counts in self.suites.items()},
            "difficulties": {name: list(counts) for name, counts in self.difficulties.items()},
            "overall": list(self.overall),
            "sentence": self.sentence,
        }


def share(counts: Counts) -> str:
    """Return right answers in words: `95 % (95/100)`, rounded down."""
    right, items = counts
    return f"{100 * right // items} % ({right}/{items})" if items else "none"


def percent(counts: Counts) -> float:
    """Return the percent of right answers; 0 without questions."""
    right, items = counts
    return 100.0 * right / items if items else 0.0


def benchmarks_of(evaluations: Evaluations, model: str = CANDIDATE) -> Benchmarks | None:
    """Return the right answers of a model to the suites of an exam; None without suites.

    Manifests of earlier releases do not record them.
    """
    by_suite = {
        suite: models[model].right
        for suite, models in evaluations.answers.items()
        if suite not in (OWN, EARLIER) and model in models and models[model].right
    }
    if not by_suite:
        return None
    return Benchmarks(
        {suite: _sum(counts.values()) for suite, counts in by_suite.items()},
        {
            name: _sum(counts[name] for counts in by_suite.values() if name in counts)
            for name in DIFFICULTIES
            if any(name in counts for counts in by_suite.values())
        },
    )


def _sum(counts: Iterable[Counts]) -> Counts:
    found = list(counts)
    return sum(right for right, _ in found), sum(items for _, items in found)
