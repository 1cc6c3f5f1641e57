"""Decides the verdict on a candidate from its paired tests, with reasons."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from daemon.core.evaluation.explanation import EARLIER
from daemon.core.records import fields_of
from daemon.core.workspace.versions import VerdictKind

LOSS = "loss"
T = TypeVar("T")


@dataclass(frozen=True)
class PairedComparison:
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
    families: int | None = None
    """What was tested where several items are of one family; None where each is its own."""

    @property
    def gain(self) -> float:
        """How much better the candidate is; below 0 it is worse."""
        return -self.mean_change if self.metric == LOSS else self.mean_change


@dataclass(frozen=True)
class LostAnswers:
    """Questions of one set that a reference answered, and how many the candidate does not."""

    name: str
    """Of the set of items."""
    against: str
    answered: int
    """By the reference, with an end."""
    empty: int
    """Of these, left without a word by the candidate."""
    endless: int
    """Of these, answered by the candidate without an end, beyond the golden answer's length."""

    @property
    def most(self) -> bool:
        """Whether at least half are lost, and more than one: what a person would see at once."""
        lost = self.empty + self.endless
        return lost > 1 and 2 * lost >= self.answered


@dataclass(frozen=True)
class Forgetting:
    """How much of earlier files a candidate has forgotten, against the best version of each."""

    name: str
    """The file, by its job; `earlier_holdout` for all of them together."""
    against: str
    items: int
    rise: float
    """Rise of the loss, in nats a token."""
    gained: float | None
    """How far the best version is below the base, in nats a token; None where unknown."""
    tolerated: float
    """A rise that does not count, in nats a token."""
    p_worse: float
    families: int | None = None

    @property
    def exceeds(self) -> bool:
        """Whether the rise is more than is tolerated."""
        return self.rise > self.tolerated


@dataclass(frozen=True)
class Judgement:
    """What the trainer measured of a candidate."""

    finite: bool
    changed: bool
    comparisons: tuple[PairedComparison, ...]
    lost: tuple[LostAnswers, ...] = ()
    forgetting: tuple[Forgetting, ...] = ()


@dataclass(frozen=True)
class Gate:
    """The rules of a verdict."""

    level: float
    """Chance that any of the comparisons comes out better, or any worse, by luck."""
    min_effect: float
    """Least change of a loss that counts, in nats a token."""
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


def gate_from_record(record: Mapping[str, Any]) -> Gate:
    """Return the rules of a run's frozen settings; those of older runs know no least gain."""
    return Gate(
        record["level"],
        record["min_effect"],
        record.get("min_gain", 0.0),
        record["unproven"],
        record.get("floor"),
        record.get("tries", 1),
        record.get("try_tokens", 0),
    )


def judgement_from_record(record: Mapping[str, Any]) -> Judgement:
    """Return the judgement of a draft's JSON form."""
    return Judgement(
        record["finite"],
        record["changed"],
        tuple(PairedComparison(**fields_of(PairedComparison, test)) for test in record["tests"]),
        tuple(LostAnswers(**fields_of(LostAnswers, one)) for one in record.get("lost_answers", ())),
        tuple(Forgetting(**fields_of(Forgetting, one)) for one in record.get("forgetting", ())),
    )


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
    tests = judgement.comparisons
    counted = [test for test in tests if min(test.p_better, test.p_worse) < 1.0]
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
    promotes = gate.unproven == "promote"
    reasons = tuple(
        f"no change that counts against {_say(test, _why_not(test, better, falls, gate))}"
        for test in tests
    )
    return Verdict("unproven", promotes, reasons or ("there are no hold-out items to judge by",))


@dataclass(frozen=True)
class Holding(Generic[T]):
    """The tests that hold together at a level."""

    proven: tuple[T, ...]
    """Ordered by p."""
    tests: int
    bound: float | None
    """What the smallest p of the others had to be below; None where there are no others."""

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
        f"of {lost.answered} questions of {lost.name} that {lost.against} answers, {lost.empty} "
        f"get an empty answer and {lost.endless} an answer without an end"
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
    """Return the possible reasons to refuse, without tests that cannot come out (Tarone 1990)."""
    falls = [
        _Fall(
            test.p_worse,
            -test.gain >= _floor(test, gate),
            f"significantly worse than {_say(test)}",
            test,
        )
        for test in judgement.comparisons
        if min(test.p_better, test.p_worse) < 1.0
        # Earlier files are compared with the lineage's best version of each instead.
        and not (judgement.forgetting and test.name == EARLIER and test.metric == LOSS)
    ]
    falls += [
        _Fall(one.p_worse, one.exceeds, _forgot(one))
        for one in judgement.forgetting
        if one.p_worse < 1.0 and LEAST_CHANCE ** (one.families or one.items) < gate.level
    ]
    return falls


def _forgot(one: Forgetting) -> str:
    what = "earlier files are" if one.name == EARLIER else f"{one.name} is"
    families = "" if one.families is None else f" in {one.families} families"
    return (
        f"{what} forgotten: on {one.items} held-out rows{families} the loss is {one.rise:+.3f} "
        f"nats a token from {one.against}, {one.tolerated:.3f} is tolerated (p = {one.p_worse:.2g})"
    )


def _least(test: PairedComparison, gate: Gate) -> float:
    return gate.min_effect if test.metric == LOSS else gate.min_gain


def _floor(test: PairedComparison, gate: Gate) -> float:
    return gate.floor if test.metric != LOSS and gate.floor is not None else _least(test, gate)


def _why_not(
    test: PairedComparison, better: Holding[PairedComparison], falls: Holding[_Fall], gate: Gate
) -> str:
    """Return why a test does not count although its p is below the level; else nothing."""
    if test.p_better <= test.p_worse:
        if test in better.proven:
            return f"; a change below {_least(test, gate):g} does not count"
        return f"; {better.required()}" if test.p_better < gate.level else ""
    if any(fall.of is test for fall in falls.proven):
        return f"; a change below {_floor(test, gate):g} does not count"
    return f"; {falls.required()}" if test.p_worse < gate.level else ""


def _say(test: PairedComparison, why_not: str = "") -> str:
    p = min(test.p_better, test.p_worse)
    unit = " nats a token" if test.metric == LOSS else ""
    families = "" if test.families is None else f" in {test.families} families"
    return (
        f"{test.against} on {test.items} items{families} of {test.name} "
        f"({test.metric.replace('_', ' ')} {test.mean_change:+.3f}{unit}, p = {p:.2g}{why_not})"
    )
