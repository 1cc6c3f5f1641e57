"""Targets: scores that a user wants to reach, and whether they were."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeGuard

ANY = "*"
"""In place of a suite's name: every suite that has the metric."""
LESS_IS_BETTER = ("repetition", "calibration_error")
SHARES = (
    "main",
    "exact_match",
    "token_f1",
    "rouge_l",
    "bleu",
    "chrf",
    "extraction",
    "field_f1",
    "field_precision",
    "field_recall",
    "valid_json",
    "correct_call",
    "argument_f1",
    "right_function",
    "parsable_call",
    "length",
    "formatting",
    "bold",
    "list",
    "paragraphs",
    "style",
    *LESS_IS_BETTER,
)
"""Metrics from 0 to 1; `main` is the metric that a suite is decided by."""
GRADE, LENGTH, CHARACTERS = "grade", "length", "characters"
METRICS = (*SHARES, GRADE)
"""What a target may be about."""
LETTERS: Mapping[str, float] = {"A": 90.0, "B": 80.0, "C": 70.0, "D": 60.0}
"""The least figure of each grade that may be named as a target."""
Outcome = Literal["success", "partial", "failure", "not measured"]
FORM = (
    '"<suite or *>.<metric>" = 0.60, or = { at_most = 0.10 }; <metric> = 0.60 for every suite; '
    "length = [134, 2440] for characters; grade = 80, or a letter"
)
_KEY = re.compile(r"(?:([^.]+)\.)?([a-z0-9_]+)\Z")


@dataclass(frozen=True)
class Target:
    """A score to reach."""

    suite: str
    metric: str
    bound: float
    at_least: bool
    most: float | None = None
    """Of a length in characters: the upper bound, where `bound` is the lower one."""

    def __str__(self) -> str:
        """Return it as people write it."""
        name = self.metric if self.suite == ANY else f"{self.suite}.{self.metric}"
        if self.most is not None:
            return f"{name} {self.bound:g} to {self.most:g} characters"
        return f"{name} {'≥' if self.at_least else '≤'} {self.bound:g}"

    @property
    def figure(self) -> str:
        """The figure it is held against."""
        return self.metric if self.most is None else CHARACTERS

    def gap(self, value: float) -> float:
        """Return how far a figure is from being good enough; 0 if it is."""
        if self.most is not None:
            return max(self.bound - value, value - self.most, 0.0)
        return max(self.bound - value if self.at_least else value - self.bound, 0.0)


@dataclass(frozen=True)
class Checked:
    """A target and the score it was compared with."""

    target: Target
    suite: str
    """The one it was measured on; of an unmeasured target, the one it names."""
    value: float | None
    """None if nothing was measured."""

    @property
    def gap(self) -> float | None:
        """How far the figure is from the target; None if nothing was measured."""
        return None if self.value is None else self.target.gap(self.value)

    @property
    def reached(self) -> bool | None:
        """Whether the figure is good enough; None if nothing was measured."""
        return None if self.gap is None else self.gap == 0.0


def target_of(key: str, value: Any) -> Target:
    """Return the target of an entry of `[targets]`.

    Raises:
        ValueError: not a target; the message says what is wrong and shows the right form.
    """
    found = _KEY.match(key)
    if found is None or (isinstance(value, dict) and not set(value) <= {"at_least", "at_most"}):
        raise ValueError(f"{key!r} is not a target: write {FORM}, a key with a dot in quotes")
    suite, metric = found[1] or ANY, found[2]
    if metric not in METRICS:
        raise ValueError(f"there is no metric {metric!r}; there are {', '.join(METRICS)}")
    if metric == GRADE and suite != ANY:
        raise ValueError(f"{key!r}: the grade is of all suites together: write grade = 80")
    if isinstance(value, list | tuple):
        return _range(key, suite, metric, value)
    at_least = metric not in LESS_IS_BETTER
    bound = value
    if isinstance(value, dict):
        if len(value) != 1:
            raise ValueError(f"{key!r} needs one of at_least and at_most: write {FORM}")
        ((direction, bound),) = value.items()
        at_least = direction == "at_least"
    return Target(suite, metric, _bound(key, metric, bound), at_least)


def _range(key: str, suite: str, metric: str, value: Sequence[object]) -> Target:
    if metric != LENGTH:
        raise ValueError(f"{key!r} has two bounds, which only a length has: write {FORM}")
    bounds = [one for one in value if _is_number(one)]
    if len(value) != 2 or len(bounds) != 2 or not 0 <= bounds[0] <= bounds[1]:
        raise ValueError(f"{key!r} is {value!r}: write the least and the most characters")
    return Target(suite, metric, float(bounds[0]), True, float(bounds[1]))


def _bound(key: str, metric: str, bound: Any) -> float:
    if metric == GRADE and isinstance(bound, str) and bound in LETTERS:
        return LETTERS[bound]
    most = 100.0 if metric == GRADE else 1.0
    if not _is_number(bound) or not 0.0 <= bound <= most:
        letters = f", or one of {', '.join(LETTERS)}" if metric == GRADE else ""
        message = f"{key!r} is {bound!r}: a target is a number from 0 to {most:g}{letters}"
        raise ValueError(message)
    return float(bound)


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def check(
    targets: Sequence[Target], figures: Mapping[str, Mapping[str, float]]
) -> tuple[Checked, ...]:
    """Compare targets with the scores of each suite, by metric.

    A target for every suite is compared with those that have the metric.
    """
    return tuple(checked for target in targets for checked in _check(target, figures))


def _check(target: Target, figures: Mapping[str, Mapping[str, float]]) -> Iterator[Checked]:
    named = list(figures) if target.suite == ANY else [target.suite]
    measured = [name for name in named if target.figure in figures.get(name, {})]
    for name in measured:
        yield Checked(target, name, figures[name][target.figure])
    if not measured:
        yield Checked(target, target.suite, None)


def outcome_of(checked: Sequence[Checked]) -> Outcome:
    """Return whether all, some or none of the measured targets were reached."""
    reached = [one.reached for one in checked if one.reached is not None]
    if not reached:
        return "not measured"
    if all(reached):
        return "success"
    return "partial" if any(reached) else "failure"
