"""Targets: scores that a user wants to reach, whether they were, and what to do next."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

ANY = "*"
"""In place of a suite's name: every suite that has the metric."""
LESS_IS_BETTER = ("repetition", "calibration_error")
METRICS = (
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
    *LESS_IS_BETTER,
)
"""The metrics a target may name; `main` is the suite's main metric."""
Outcome = Literal["success", "partial", "failure"]
FORM = '"<suite or *>.<metric>" = 0.60, or = { at_most = 0.10 }'
_KEY = re.compile(r"([^.]+)\.([a-z0-9_]+)\Z")


@dataclass(frozen=True)
class Target:
    """A score to reach."""

    suite: str
    metric: str
    bound: float
    at_least: bool

    def __str__(self) -> str:
        """Return it in short form, as in `geography.exact ≥ 0.6`."""
        return f"{self.suite}.{self.metric} {'≥' if self.at_least else '≤'} {self.bound:g}"

    def reached(self, value: float) -> bool:
        """Return whether a score reaches it."""
        return value >= self.bound if self.at_least else value <= self.bound


@dataclass(frozen=True)
class Checked:
    """A target and the score it was compared with."""

    target: Target
    suite: str
    """The one it was measured on; of an unmeasured target, the one it names."""
    value: float | None
    """None where nothing was measured."""

    @property
    def reached(self) -> bool:
        """Whether the score reaches the target; an unmeasured one does not."""
        return self.value is not None and self.target.reached(self.value)


def target_of(key: str, value: Any) -> Target:
    """Return the target of an entry of `[targets]`.

    Raises:
        ValueError: not a target; the message says what is wrong and shows the right form.
    """
    found = _KEY.match(key)
    if found is None or (isinstance(value, dict) and not set(value) <= {"at_least", "at_most"}):
        raise ValueError(f"{key!r} is not a target: write {FORM}, the key in quotes")
    suite, metric = found.groups()
    if metric not in METRICS:
        raise ValueError(f"there is no metric {metric!r}; there are {', '.join(METRICS)}")
    at_least = metric not in LESS_IS_BETTER
    bound = value
    if isinstance(value, dict):
        if len(value) != 1:
            raise ValueError(f"{key!r} needs one of at_least and at_most: write {FORM}")
        ((direction, bound),) = value.items()
        at_least = direction == "at_least"
    if isinstance(bound, bool) or not isinstance(bound, int | float) or not 0.0 <= bound <= 1.0:
        raise ValueError(f"{key!r} is {bound!r}: a target is a number from 0 to 1")
    return Target(suite, metric, float(bound), at_least)


def check(
    targets: Sequence[Target], figures: Mapping[str, Mapping[str, float]]
) -> tuple[Checked, ...]:
    """Compare targets with the scores of each suite, by metric.

    A target for every suite is compared with those that have the metric.
    """
    return tuple(checked for target in targets for checked in _check(target, figures))


def _check(target: Target, figures: Mapping[str, Mapping[str, float]]) -> Iterator[Checked]:
    named = list(figures) if target.suite == ANY else [target.suite]
    measured = [name for name in named if target.metric in figures.get(name, {})]
    for name in measured:
        yield Checked(target, name, figures[name][target.metric])
    if not measured:
        yield Checked(target, target.suite, None)


def outcome_of(checked: Sequence[Checked]) -> Outcome:
    """Return whether all, some or none of the targets were reached."""
    reached = sum(one.reached for one in checked)
    if reached == len(checked):
        return "success"
    return "partial" if reached else "failure"


def next_actions(version: str | None, checked: Sequence[Checked]) -> tuple[str, ...]:
    """Return what to do once a subject's targets are checked; `version` is its name, if any."""
    outcome = outcome_of(checked)
    if outcome == "success":
        if version is None:
            return ("every target is reached",)
        return (
            f"every target is reached: 'finetuned promote {version}' makes it current, if it is "
            "not yet",
        )
    said = [_advice(one) for one in checked if not one.reached]
    if outcome == "failure":
        said.append(
            "no target was reached: look at the answers in details.jsonl first; if they do not "
            "even have the right form, the training data does not teach the task (see 'finetuned "
            "data'), or a run was too short (see 'finetuned analyze')"
        )
    else:
        said.append(
            "some targets were reached: add training rows like the questions under 'From right to "
            "wrong' and those that are still wrong in details.jsonl, drop them into inbox/, and "
            "evaluate again"
        )
    return tuple(said)


def _advice(one: Checked) -> str:
    if one.value is None:
        return f"{one.target} was not measured: evaluate a suite with this metric (--suite)"
    gap = abs(one.value - one.target.bound)
    return f"{one.suite}.{one.target.metric} is {one.value:.3f}, {gap:.3f} away from {one.target}"
