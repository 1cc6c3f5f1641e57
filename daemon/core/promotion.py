"""From the tests on a candidate to a verdict with reasons; pure, and decided nowhere else."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from daemon.core.versions import VerdictKind


@dataclass(frozen=True)
class Comparison:
    """One paired comparison of losses a token: candidate against a reference on the same items."""

    name: str
    against: str
    items: int
    mean_change: float
    """Candidate minus reference, in nats a token; negative is better."""
    p_better: float
    p_worse: float


@dataclass(frozen=True)
class Judgement:
    """What the trainer measured of a candidate."""

    finite: bool
    changed: bool
    comparisons: tuple[Comparison, ...]


@dataclass(frozen=True)
class Gate:
    """The rules a verdict is made by."""

    level: float
    min_effect: float
    unproven: Literal["promote", "hold"]


@dataclass(frozen=True)
class Verdict:
    """What becomes of a candidate, and why in words."""

    kind: VerdictKind
    promotes: bool
    reasons: tuple[str, ...]


def judgement_from_record(record: Mapping[str, Any]) -> Judgement:
    """Return the judgement of a draft's JSON form."""
    return Judgement(
        record["finite"],
        record["changed"],
        tuple(Comparison(**test) for test in record["tests"]),
    )


def decide_verdict(judgement: Judgement, gate: Gate) -> Verdict:
    """Refuse what is broken or significantly worse, promote what is proven, else `unproven`.

    The level is divided by the number of comparisons (Bonferroni), each direction on its own.
    """
    if not judgement.finite:
        return Verdict("refuse", False, ("the adapter holds numbers that are not finite",))
    if not judgement.changed:
        return Verdict("refuse", False, ("training left the adapter unchanged",))
    level = gate.level / max(1, len(judgement.comparisons))
    worse = [
        c for c in judgement.comparisons if c.p_worse < level and c.mean_change >= gate.min_effect
    ]
    if worse:
        return Verdict("refuse", False, tuple(f"significantly worse than {_say(c)}" for c in worse))
    better = [
        c for c in judgement.comparisons if c.p_better < level and c.mean_change <= -gate.min_effect
    ]
    if better:
        return Verdict(
            "promote", True, tuple(f"significantly better than {_say(c)}" for c in better)
        )
    promotes = gate.unproven == "promote"
    reasons = tuple(f"no significant change from {_say(c)}" for c in judgement.comparisons)
    return Verdict("unproven", promotes, reasons or ("there are no hold-out items to judge by",))


def _say(comparison: Comparison) -> str:
    p = min(comparison.p_better, comparison.p_worse)
    return (
        f"{comparison.against} on {comparison.items} items of {comparison.name} "
        f"(loss {comparison.mean_change:+.3f} nats a token, p = {p:.2g})"
    )
