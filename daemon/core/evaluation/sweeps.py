"""What a sweep is: settings tried on the same rows from the same start, and what came of each.

Knows values only: neither who trains them nor where they are written.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from daemon.core.records import JsonObject, Record
from daemon.core.workspace.bases import BaseFacts

Value = int | float | str
Setting = Mapping[str, Value]
"""Keys of `[training]` that a trial changes, with their values."""

Outcome = Literal["finished", "pruned", "failed"]

RUNGS = 4
"""A trial is measured so many times, at equal shares of its steps; the last is its result."""

RATE_FACTOR = math.sqrt(10.0)
"""Between the three rates of the plain comparison."""

RATE_TRIALS = 3

LEVEL = 0.95
"""Chance that all intervals of a sweep hold together."""


@dataclass(frozen=True)
class Span:
    """Every number between two, searched by its logarithm."""

    low: float
    high: float


@dataclass(frozen=True)
class Choice:
    """One of a few values."""

    values: tuple[Value, ...]


class Searched(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is searched of one setting, as it is written: `values`, or `low` and `high`."""

    low: float | None = None
    high: float | None = None
    values: tuple[Value, ...] = ()

    @property
    def range(self) -> Span | Choice:
        """The numbers or values of it."""
        if self.low is None or self.high is None:
            return Choice(self.values)
        return Span(self.low, self.high)


Space = Mapping[str, Searched]


@dataclass(frozen=True)
class Trial:
    """One setting that was tried."""

    number: int
    """Counts from 1; the first is the setting in force."""
    setting: Setting
    outcome: Outcome
    curve: tuple[tuple[float, float], ...]
    """(share of the steps, loss on the held-out rows in nats a token), in order."""
    rows: tuple[tuple[float, int], ...]
    """Each held-out row's sum of losses and its tokens at the end; only of a finished trial."""
    steps: int
    """Optimizer steps that were taken."""
    seconds: float
    why: str = ""
    """Why it failed or was cut short."""

    @property
    def loss(self) -> float | None:
        """The result in nats a token; None where it has none."""
        return self.curve[-1][1] if self.outcome == "finished" else None


@dataclass(frozen=True)
class SweepRequest(Record):
    """What a sweep is asked to do; everything a trial needs beside the rows."""

    sweep: str
    created_at: str
    file: str
    """What people know the rows by: the name as it was given, made safe to print."""
    job: str | None
    """The job whose rows they are; None for a file that is no job."""
    start_version: str | None
    """Where every trial begins; None for the untouched base."""
    settings: JsonObject
    base: BaseFacts
    step: int
    """Optimizer steps since the base model, where a trial begins."""
    seed: int
    trials: int
    minutes: float | None
    """No trial begins after so many minutes of training; None for no limit."""
    epochs: int
    rows: int
    """Most rows that a trial trains."""
    default: Setting
    space: Space
    """Empty where only the learning rates are compared."""
    notes: tuple[str, ...] = ()
    """What the user should know about the choice of what is searched."""
    grid: tuple[Setting, ...] = ()
    """The settings to try, the one in force first; empty where trials are searched for."""

    @property
    def planned(self) -> tuple[Setting, ...]:
        """The settings that are tried whatever comes of them, before any is searched for."""
        return self.grid or first_settings(self.default)


def space_around(default: Setting, model_layers: int, shape_is_free: bool) -> Space:
    """Return what is searched around a setting.

    Rank, scale and layers belong to the adapter that is carried on; they are searched only where
    there is none yet.
    """
    rate, rows = float(default["learning_rate"]), int(default["batch_rows"])
    space: dict[str, Searched] = {
        "learning_rate": Searched(rounded(rate / 10.0), min(1.0, rounded(rate * 10.0))),
        "batch_rows": _choice(rows, max(1, rows // 2), rows * 2),
        "decay_share": _choice(default["decay_share"], 0.0, 0.2, 0.5, 1.0),
    }
    if shape_is_free:
        rank, scale = int(default["rank"]), float(default["scale"])
        layers = (-1, max(1, model_layers // 4), max(1, model_layers // 2))
        space |= {
            "rank": _choice(rank, max(1, rank // 2), rank * 2, rank * 4),
            "scale": Searched(rounded(scale / 4.0), rounded(scale * 4.0)),
            "num_layers": _choice(default["num_layers"], *layers),
        }
    return space


def _choice(*values: Value) -> Searched:
    return Searched(values=tuple(sorted(set(values))))


def first_settings(default: Setting) -> tuple[Setting, ...]:
    """Return what every sweep tries first: the default, and a lower and a higher learning rate."""
    rate = float(default["learning_rate"])
    lower, higher = rate / RATE_FACTOR, min(1.0, rate * RATE_FACTOR)
    return (
        default,
        {**default, "learning_rate": rounded(lower)},
        {**default, "learning_rate": rounded(higher)},
    )


def rounded(value: float) -> float:
    """Return a number with three digits that count: more would claim what no trial can tell."""
    return float(f"{value:.3g}")


def rungs(steps: int) -> dict[int, int]:
    """Return after which steps a trial is measured, and at which rung; the last is the end."""
    return {math.ceil(steps * rung / RUNGS): rung for rung in range(1, RUNGS + 1)}


def rung_of(share: float) -> int:
    """Return the rung at which a trial was measured, from the share of its steps."""
    return math.floor(share * RUNGS + 1e-9)


def why_over(request: SweepRequest, trials: Sequence[Trial]) -> str | None:
    """Say why no further trial begins; None where one does."""
    if trials and trials[0].outcome == "failed":
        return f"the setting in force cannot be trained: {trials[0].why}"
    if len(trials) >= request.trials:
        return f"all {request.trials} trials are done"
    spent_s = sum(trial.seconds for trial in trials)
    if trials and request.minutes is not None and spent_s >= request.minutes * 60.0:
        return f"its {request.minutes:g} minutes are spent"
    return None


@dataclass(frozen=True)
class Difference:
    """A finished trial against the setting in force, on the same held-out rows."""

    number: int
    change: float
    """In nats a token; below 0 is better."""
    low: float
    high: float
    """The interval that holds the true change."""

    @property
    def proven(self) -> bool:
        """Whether the trial is better beyond luck."""
        return self.high < 0.0


def best_of(trials: Iterable[Trial]) -> Trial | None:
    """Return the finished trial with the lowest loss, the earliest of equal ones."""
    finished = [(trial.loss, trial.number, trial) for trial in trials if trial.loss is not None]
    return min(finished)[2] if finished else None


def level_of_each(others: int) -> float:
    """Return the level of each interval, so that all of them together keep `LEVEL` (Bonferroni).

    The best of many would otherwise look better than it is.
    """
    return 1.0 - (1.0 - LEVEL) / max(1, others)


def verdict(best: Trial | None, differences: Iterable[Difference]) -> str:
    """Say in a sentence what a sweep found."""
    if best is None:
        return "no trial was finished, so nothing can be said"
    if best.number == 1:
        return "no setting that was tried is better than the one in force"
    found = next(item for item in differences if item.number == best.number)
    by = f"{-found.change:.4f} nats a token ({-found.high:.4f} to {-found.low:.4f})"
    if found.proven:
        return f"trial {best.number} is better than the setting in force by {by}"
    return (
        f"trial {best.number} is the best that was tried, by {by}; the interval holds 0, so it is "
        "not proven better than the setting in force"
    )


def describe(setting: Setting, default: Setting) -> str:
    """Return what a setting changes, for people."""
    changed = [f"{k} {shown(v)}" for k, v in setting.items() if v != default.get(k)]
    return ", ".join(changed) or "the setting in force"


def shown(value: Value) -> str:
    """Return a value for people."""
    return value if isinstance(value, str) else f"{value:g}"
