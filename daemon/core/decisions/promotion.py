"""Decides the verdict on a candidate from its paired tests, with reasons."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from daemon.core.evaluation.set_names import EARLIER, set_title
from daemon.core.records import JsonObject, from_json_value, to_json_value
from daemon.core.training.judgement import (
    LOSS,
    Forgetting,
    Judgement,
    LostAnswers,
    PairedComparison,
)
from daemon.core.training.manifests import Draft, Manifest
from daemon.core.workspace.versions import VerdictKind

T = TypeVar("T")


@dataclass(frozen=True)
class Gate:
    """The rules of a verdict."""

    level: float
    """Chance that any of the comparisons comes out better, or any worse, by luck."""
    min_effect: float
    """Least change of a loss that counts, in nats per token."""
    min_gain: float
    """Least change of another metric that counts as better, as a share of 1."""
    unproven: Literal["promote", "hold"]
    floor: float | None = None
    """Least fall of right answers that counts, as a share of 1; None in older runs: `min_gain`."""
    tries: int = 1
    """Most runs judged for one file: the chance of a false "better" is divided among them."""
    try_tokens: int = 0
    """Most tokens that a run may have trained to be tried again."""


@dataclass(frozen=True)
class Verdict:
    """The verdict on a candidate, with reasons in words."""

    kind: VerdictKind
    promotes: bool
    reasons: tuple[str, ...]
    forgot: bool = False
    """Whether forgetting of earlier files is the only reason for refusal."""


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
    """Refuse what is broken, mute or significantly worse; promote what is proven; else `unproven`.

    Each direction holds the level over all comparisons together (Holm 1979). Comparisons in which
    no item changed cannot come out either way and are not counted (Tarone 1990).
    """
    if not judgement.finite:
        return Verdict("refuse", False, ("the adapter holds numbers that are not finite",))
    if not judgement.changed:
        return Verdict("refuse", False, ("training left the adapter unchanged",))
    # A mute model may have a low loss, if all it has learned is to end the turn.
    if mute := [one for one in judgement.lost if one.most]:
        return Verdict("refuse", False, tuple(map(_lost, mute)))
    known = judgement.all_comparisons
    counted = [test for test in judgement.comparisons if min(test.p_better, test.p_worse) < 1.0]
    falls = holding(_falls(judgement, gate), lambda fall: fall.p, gate.level)
    if refused := [fall for fall in falls.proven if fall.counts]:
        forgotten = all(fall.of is None or fall.of.name == EARLIER for fall in refused)
        return Verdict("refuse", False, tuple(fall.reason for fall in refused), forgotten)
    # Only what has earlier files can be tried again, and be called better by luck so often.
    tries = gate.tries if judgement.forgetting else 1
    better = holding(counted, lambda test: test.p_better, gate.level / tries)
    proven = [test for test in better.proven if test.gain >= _least(test, gate)]
    if proven:
        reasons = tuple(f"significantly better than {_say(test)}" for test in proven)
        return Verdict("promote", True, reasons)
    reasons = tuple(_unproven(test, judgement, better, falls, gate) for test in known)
    reasons = reasons or ("there are no hold-out items to judge by",)
    return Verdict("unproven", gate.unproven == "promote", reasons)


@dataclass(frozen=True)
class Holding(Generic[T]):
    """The tests that hold together at a level."""

    proven: tuple[T, ...]
    """Ordered by p."""
    tests: int
    bound: float | None
    """What the smallest p of the others had to be below; None if there are no others."""

    def required(self) -> str:
        """Return the p that the correction requires of the tests that are not proven."""
        least = f"p < {self.bound:.3g}"
        return f"{self.tests} tests together require {least}" if self.tests > 1 else least


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
    """Return the number of items, with that of their families where it differs."""
    return str(items) if families is None else f"{items} in {families} families"


def _lost(lost: LostAnswers) -> str:
    return (
        f"of {lost.answered} questions of {set_title(lost.name)} that {lost.against} answers, "
        f"{lost.empty} get an empty answer and {lost.endless} an answer without an end"
    )


@dataclass(frozen=True)
class _Fall:
    """One way in which a candidate may be worse."""

    p: float
    counts: bool
    """Whether it is large enough to refuse, if significant."""
    reason: str
    of: PairedComparison | None = None
    """The comparison it belongs to; None for forgetting."""


LEAST_CHANCE = 0.5
"""With n families no signed-rank test can give a p below this to the n-th power."""


def _falls(judgement: Judgement, gate: Gate) -> list[_Fall]:
    """Return the possible reasons to refuse, without tests that cannot come out (Tarone 1990).

    Suites and earlier files are compared with the lineage's best version of each alone.
    """
    falls = [
        _Fall(
            test.p_worse,
            -test.gain >= _floor(test, gate),
            f"significantly worse than {_say(test)}",
            test,
        )
        for test in judgement.all_comparisons
        if min(test.p_better, test.p_worse) < 1.0 and _may_refuse(test, judgement)
    ]
    falls += [
        _Fall(one.p_worse, one.exceeds, _forgot(one))
        for one in judgement.forgetting
        if one.p_worse < 1.0 and LEAST_CHANCE ** (one.families or one.items) < gate.level
    ]
    return falls


def _may_refuse(test: PairedComparison, judgement: Judgement) -> bool:
    """Return whether a comparison is with what its set is held against."""
    if judgement.forgetting and test.name == EARLIER and test.metric == LOSS:
        return False
    best = {one.name: one.against for one in judgement.floors}
    return best.get(test.name, test.against) == test.against


def _forgot(one: Forgetting) -> str:
    what = "earlier files are" if one.name == EARLIER else f"{one.name} is"
    families = "" if one.families is None else f" in {one.families} families"
    return (
        f"{what} forgotten: on {one.items} held-out rows{families} the loss is {one.rise:+.3f} "
        f"nats per token from {one.against}; {one.tolerated:.3f} is tolerated "
        f"(p = {one.p_worse:.2g})"
    )


def _least(test: PairedComparison, gate: Gate) -> float:
    return gate.min_effect if test.metric == LOSS else gate.min_gain


def _floor(test: PairedComparison, gate: Gate) -> float:
    return gate.floor if test.metric != LOSS and gate.floor is not None else _least(test, gate)


def _unproven(
    test: PairedComparison,
    judgement: Judgement,
    better: Holding[PairedComparison],
    falls: Holding[_Fall],
    gate: Gate,
) -> str:
    if test.p_worse < test.p_better and not _may_refuse(test, judgement):
        return f"compared with the best version instead of {_say(test)}"
    if test.p_better <= test.p_worse and test not in judgement.comparisons:
        # The best version of a suite is where a fall begins, not what a gain is proven against.
        return f"no fall below {_say(test)}"
    return f"no decisive difference from {_say(test, _why_not(test, better, falls, gate))}"


def _why_not(
    test: PairedComparison, better: Holding[PairedComparison], falls: Holding[_Fall], gate: Gate
) -> str:
    """Return why a test does not count although its p is below the level; else nothing."""
    if test.p_better <= test.p_worse:
        if test in better.proven:
            return f"; a change below {_least(test, gate):g} does not count"
        return f"; {better.required()}" if test.p_better < gate.level else ""
    if any(fall.of == test for fall in falls.proven):
        return f"; a change below {_floor(test, gate):g} does not count"
    return f"; {falls.required()}" if test.p_worse < gate.level else ""


def _say(test: PairedComparison, why_not: str = "") -> str:
    p = min(test.p_better, test.p_worse)
    unit = " nats per token" if test.metric == LOSS else ""
    families = "" if test.families is None else f" in {test.families} families"
    return (
        f"{test.against} on {test.items} items{families} of {set_title(test.name)} "
        f"({test.metric.replace('_', ' ')} {test.mean_change:+.3f}{unit}, p = {p:.2g}{why_not})"
    )
