"""The suite scores that a lineage has reached: what each item scored with the best version of all.

Every promoted version hands them on. A fall is measured against them, never against the last
version alone: small falls that are each tolerated do not add up.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from daemon.core.records import Record

CANDIDATE = "candidate"
"""The best version of a suite, in the scores of a version that has no name yet."""

ItemScores = Mapping[str, float]
"""The figures of one answer by which a suite may be compared, as shares of 1."""


@dataclass(frozen=True)
class SuiteScores:
    """What the best version scored in one suite."""

    best: str
    """Another version takes its place only if it is significantly better: the highest of many
    scores would owe much to luck."""
    items: Mapping[str, ItemScores]
    """By a key of the item, equal only for an unchanged item."""


@dataclass(frozen=True, kw_only=True)
class LineageScores(Record):
    """The content of `suite_scores.json`: what a version hands on of its lineage's scores."""

    suites: Mapping[str, SuiteScores] = field(default_factory=dict)

    def sealed_as(self, version: str) -> "LineageScores":
        """Return it with the name of the version that it is stored in."""
        named = {
            name: replace(one, best=version) if one.best == CANDIDATE else one
            for name, one in self.suites.items()
        }
        return replace(self, suites=named)


def best_before(
    known: SuiteScores | None, start: Mapping[str, ItemScores]
) -> dict[str, ItemScores]:
    """Return the best scores of a suite's items before a candidate.

    `start` has those of the starting version; items that the lineage does not know yet were best
    answered by it.
    """
    items = {} if known is None else known.items
    return {key: items.get(key, its) for key, its in start.items()}


def with_candidate(
    known: SuiteScores | None,
    start: tuple[str, Mapping[str, ItemScores]],
    candidate: Mapping[str, ItemScores],
    *,
    better: bool,
) -> SuiteScores:
    """Return what a candidate hands on of a suite; `better`: it is so, significantly."""
    name, items = start
    before = {} if known is None else known.items
    best = CANDIDATE if better else name if known is None else known.best
    return SuiteScores(best, {**before, **(candidate if better else best_before(known, items))})
