"""Tests pairs of subjects, with corrections for several tests at a time (Holm, Bonferroni)."""

from collections.abc import Sequence
from dataclasses import dataclass

from daemon.core.decisions.promotion import Holding, holding
from daemon.core.evaluation.reports import TestedPair
from daemon.core.training.judgement import LOSS
from daemon.evaluation.bootstrap import Rows, by_family, interval
from daemon.evaluation.paired import Labels, Paired


@dataclass(frozen=True)
class Pairs:
    """Two subjects on the same items of one suite, or of all."""

    suite: str
    metric: str
    subject: str
    against: str
    mine: Rows
    others: Rows
    test: Paired
    """Which direction is better, and how likely by chance."""
    families: Labels | None = None
    """The family of each item."""

    @property
    def change(self) -> float:
        """The subject's weighted mean minus that of the other."""
        difference = sum(total for total, _ in self.mine) - sum(total for total, _ in self.others)
        return difference / max(1, sum(weight for _, weight in self.mine))

    @property
    def p(self) -> float:
        """The two-sided p-value: the chance of a change at least as great by luck."""
        return min(1.0, 2.0 * min(self.test.p_better, self.test.p_worse))


def decided(tests: Sequence[Pairs], level: float, seed: int) -> list[TestedPair]:
    """Decide tests with one level for all: winners by Holm, intervals by Bonferroni."""
    # Where nothing changed, a test cannot be significant (Tarone 1990).
    counted = [one for one in tests if one.p < 1.0]
    held = holding(counted, lambda one: one.p, level)
    each = 1.0 - level / max(1, len(tests))
    return [_record(one, _bounds(one, each, seed), held, level) for one in tests]


def _bounds(one: Pairs, level: float, seed: int) -> tuple[float, float]:
    mine, others = (by_family(rows, one.families) for rows in (one.mine, one.others))
    return interval(mine, others, level, seed)


def _record(
    one: Pairs, bounds: tuple[float, float], held: Holding[Pairs], level: float
) -> TestedPair:
    # The test ranks items, the mean weighs them: where the two disagree there is no winner.
    gain = -one.change if one.metric == LOSS else one.change
    is_better = one.test.p_better < one.test.p_worse
    agree = gain > 0.0 if is_better else gain < 0.0
    better = one.subject if is_better else one.against
    proven = one in held.proven
    why_not = None
    if proven and not agree:
        why_not = "most items and their mean disagree"
    elif not proven and one.p < level:
        why_not = held.required()
    low, high = bounds
    return {
        "suite": one.suite,
        "subject": one.subject,
        "against": one.against,
        "metric": one.metric,
        "items": one.test.items,
        "families": one.test.families,
        "change": one.change,
        "low": low,
        "high": high,
        "p": one.p,
        "winner": better if proven and agree else None,
        "why_not": why_not,
    }
