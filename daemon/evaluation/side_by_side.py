"""Subjects tested against the first one, a family of tests at a time; knows values, asks nobody."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from daemon.core.promotion import LOSS, significant
from daemon.evaluation.bootstrap import Rows, interval
from daemon.evaluation.paired import Paired


@dataclass(frozen=True)
class Pairs:
    """One subject and the first one on the same items of one suite, or of all."""

    suite: str
    metric: str
    subject: str
    against: str
    mine: Rows
    first: Rows
    test: Paired
    """Says which way is better."""

    @property
    def change(self) -> float:
        """The subject's weighted mean less that of the first."""
        difference = sum(total for total, _ in self.mine) - sum(total for total, _ in self.first)
        return difference / max(1, sum(weight for _, weight in self.mine))

    @property
    def p(self) -> float:
        """The chance of a change at least so great, either way, by luck."""
        return min(1.0, 2.0 * min(self.test.p_better, self.test.p_worse))


def decided(family: Sequence[Pairs], level: float, seed: int) -> list[dict[str, Any]]:
    """Decide a family that keeps its level together: winners by Holm, intervals by Bonferroni."""
    # Where nothing changed, nothing can come out (Tarone 1990).
    counted = [one for one in family if one.p < 1.0]
    proven = significant(counted, lambda one: one.p, level)
    each = 1.0 - level / max(1, len(family))
    return [_record(one, interval(one.mine, one.first, each, seed), one in proven)
            for one in family]  # fmt: skip


def _record(one: Pairs, bounds: tuple[float, float], proven: bool) -> dict[str, Any]:
    # The test ranks items, the mean weighs them: where the two point apart nobody has won.
    gain = -one.change if one.metric == LOSS else one.change
    is_better = one.test.p_better < one.test.p_worse
    agree = gain > 0.0 if is_better else gain < 0.0
    better = one.subject if is_better else one.against
    low, high = bounds
    return {
        "suite": one.suite, "subject": one.subject, "against": one.against, "metric": one.metric,
        "items": one.test.items, "change": one.change, "low": low, "high": high, "p": one.p,
        "winner": better if proven and agree else None,
    }  # fmt: skip
