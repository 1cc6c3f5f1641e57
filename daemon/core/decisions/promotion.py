"""From the tests on a candidate to a verdict with reasons; pure, and decided nowhere else."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from daemon.core.records import JsonObject, from_json_value, to_json_value
from daemon.core.training.judgement import LOSS, Judgement, LostAnswers, PairedComparison
from daemon.core.training.manifests import Draft, Manifest
from daemon.core.workspace.versions import VerdictKind

T = TypeVar("T")


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


def gate_from_record(record: JsonObject) -> Gate:
    """Return the rules of a run's frozen settings; those of older runs know no least gain.

    Raises:
        RecordError: they are none.
    """
    return from_json_value({"min_gain": 0.0} | record, Gate)


def sealed(draft: Draft, verdict: Verdict, version: str, lineage: str, at: str) -> Manifest:
    """Return the manifest of a version: its draft with its name and its verdict, `at` in UTC."""
    sealing = {
        "schema_version": 1,
        "version": version,
        "created_at": at,
        "lineage": lineage,
        "verdict": verdict.kind,
        "verdict_reasons": list(verdict.reasons),
        "promotes": verdict.promotes,
    }
    return from_json_value(sealing | to_json_value(draft), Manifest)


def decide_verdict(judgement: Judgement, gate: Gate) -> Verdict:
    """Refuse what is broken, mute or significantly worse, promote what is proven, else `unproven`.

    Each direction keeps the level over all comparisons together (Holm 1979). Comparisons in which
    no item changed cannot come out either way and are not counted (Tarone 1990).
    """
    if not judgement.finite:
        return Verdict("refuse", False, ("the adapter holds numbers that are not finite",))
    if not judgement.changed:
        return Verdict("refuse", False, ("training left the adapter unchanged",))
    # A mute model may have a low loss: nothing but the end of the turn was learned.
    if mute := [one for one in judgement.lost if one.most]:
        return Verdict("refuse", False, tuple(map(_lost, mute)))
    tests = judgement.comparisons
    counted = [test for test in tests if min(test.p_better, test.p_worse) < 1.0]
    worse = holding(counted, lambda test: test.p_worse, gate.level)
    refused = [test for test in worse.proven if -test.gain >= _least(test, gate)]
    if refused:
        reasons = tuple(f"significantly worse than {_say(test)}" for test in refused)
        return Verdict("refuse", False, reasons)
    better = holding(counted, lambda test: test.p_better, gate.level)
    proven = [test for test in better.proven if test.gain >= _least(test, gate)]
    if proven:
        reasons = tuple(f"significantly better than {_say(test)}" for test in proven)
        return Verdict("promote", True, reasons)
    promotes = gate.unproven == "promote"
    reasons = tuple(
        f"no change that counts against {_say(test, _why_not(test, better, worse, gate))}"
        for test in tests
    )
    return Verdict("unproven", promotes, reasons or ("there are no hold-out items to judge by",))


@dataclass(frozen=True)
class Holding(Generic[T]):
    """What holds of several tests together at a level."""

    proven: tuple[T, ...]
    """The surest first."""
    tests: int
    bound: float | None
    """What the surest of the others would have had to be below; None where there is no other."""

    def asks(self) -> str:
        """Say what the correction asks of those that are not proven."""
        least = f"p < {self.bound:.3g}"
        return f"{self.tests} tests together ask for {least}" if self.tests > 1 else least


def holding(tests: Sequence[T], p_of: Callable[[T], float], level: float) -> Holding[T]:
    """Return the tests that hold together at a level (Holm 1979).

    `p_of` gives the chance of a test's outcome by luck.
    """
    ordered = sorted(tests, key=p_of)
    for number, test in enumerate(ordered):
        bound = level / (len(ordered) - number)
        if p_of(test) >= bound:
            return Holding(tuple(ordered[:number]), len(ordered), bound)
    return Holding(tuple(ordered), len(ordered), None)


def counted_items(items: int, families: int | None) -> str:
    """Return how many items were tested, and of how many families where that is not the same."""
    return str(items) if families is None else f"{items} in {families} families"


def _lost(lost: LostAnswers) -> str:
    return (
        f"of {lost.answered} questions of {lost.name} that {lost.against} answers, {lost.empty} "
        f"are left empty and {lost.endless} are answered without an end"
    )


def _least(test: PairedComparison, gate: Gate) -> float:
    return gate.min_effect if test.metric == LOSS else gate.min_gain


def _why_not(
    test: PairedComparison,
    better: Holding[PairedComparison],
    worse: Holding[PairedComparison],
    gate: Gate,
) -> str:
    """Say why a test counts for nothing although its p is below the level; empty where it isn't."""
    side, p = (better, test.p_better) if test.p_better <= test.p_worse else (worse, test.p_worse)
    if test in side.proven:
        return f"; a change below {_least(test, gate):g} counts for nothing"
    return f"; {side.asks()}" if p < gate.level else ""


def _say(test: PairedComparison, why_not: str = "") -> str:
    p = min(test.p_better, test.p_worse)
    unit = " nats a token" if test.metric == LOSS else ""
    families = "" if test.families is None else f" in {test.families} families"
    return (
        f"{test.against} on {test.items} items{families} of {test.name} "
        f"({test.metric.replace('_', ' ')} {test.mean_change:+.3f}{unit}, p = {p:.2g}{why_not})"
    )
