"""From the tests on a candidate to a verdict with reasons; pure, and decided nowhere else."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from daemon.core.records import fields_of
from daemon.core.versions import VerdictKind

LOSS = "loss"
T = TypeVar("T")


@dataclass(frozen=True)
class Comparison:
    """One paired comparison of a candidate with a reference on the same items."""

    name: str
    """Of the set of items."""
    against: str
    items: int
    mean_change: float
    """Candidate minus reference: of losses in nats a token, of other metrics as shares of 1."""
    p_better: float
    p_worse: float
    metric: str = LOSS

    @property
    def gain(self) -> float:
        """How much better the candidate is; below 0 it is worse."""
        return -self.mean_change if self.metric == LOSS else self.mean_change


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
    """Chance that any of the comparisons is called better, or any worse, by luck."""
    min_effect: float
    """Least change of a loss that counts, in nats a token."""
    min_gain: float
    """Least change of another metric that counts, as a share of 1."""
    unproven: Literal["promote", "hold"]


@dataclass(frozen=True)
class Verdict:
    """What becomes of a candidate, and why in words."""

    kind: VerdictKind
    promotes: bool
    reasons: tuple[str, ...]


def gate_from_record(record: Mapping[str, Any]) -> Gate:
    """Return the rules of a run's frozen settings; those of older runs know no least gain."""
    return Gate(
        record["level"], record["min_effect"], record.get("min_gain", 0.0), record["unproven"]
    )


def judgement_from_record(record: Mapping[str, Any]) -> Judgement:
    """Return the judgement of a draft's JSON form."""
    return Judgement(
        record["finite"],
        record["changed"],
        tuple(Comparison(**fields_of(Comparison, test)) for test in record["tests"]),
    )


def decide_verdict(judgement: Judgement, gate: Gate) -> Verdict:
    """Refuse what is broken or significantly worse, promote what is proven, else `unproven`.

    Each direction keeps the level over all comparisons together (Holm 1979). Comparisons in which
    no item changed cannot come out either way and are not counted (Tarone 1990).
    """
    if not judgement.finite:
        return Verdict("refuse", False, ("the adapter holds numbers that are not finite",))
    if not judgement.changed:
        return Verdict("refuse", False, ("training left the adapter unchanged",))
    tests = judgement.comparisons
    counted = [test for test in tests if min(test.p_better, test.p_worse) < 1.0]
    worse = significant(counted, lambda test: test.p_worse, gate.level)
    worse = [test for test in worse if -test.gain >= _least(test, gate)]
    if worse:
        return Verdict("refuse", False, tuple(f"significantly worse than {_say(c)}" for c in worse))
    better = significant(counted, lambda test: test.p_better, gate.level)
    better = [test for test in better if test.gain >= _least(test, gate)]
    if better:
        reasons = tuple(f"significantly better than {_say(test)}" for test in better)
        return Verdict("promote", True, reasons)
    promotes = gate.unproven == "promote"
    reasons = tuple(f"no change that counts against {_say(c)}" for c in tests)
    return Verdict("unproven", promotes, reasons or ("there are no hold-out items to judge by",))


def significant(tests: Sequence[T], p_of: Callable[[T], float], level: float) -> list[T]:
    """Return the tests that hold together at a level, the surest first (Holm 1979).

    `p_of` gives the chance of a test's outcome by luck.
    """
    ordered = sorted(tests, key=p_of)
    found = []
    for number, test in enumerate(ordered):
        if p_of(test) >= level / (len(ordered) - number):
            break
        found.append(test)
    return found


def _least(test: Comparison, gate: Gate) -> float:
    return gate.min_effect if test.metric == LOSS else gate.min_gain


def _say(test: Comparison) -> str:
    p = min(test.p_better, test.p_worse)
    unit = " nats a token" if test.metric == LOSS else ""
    return (
        f"{test.against} on {test.items} items of {test.name} "
        f"({test.metric.replace('_', ' ')} {test.mean_change:+.3f}{unit}, p = {p:.2g})"
    )
