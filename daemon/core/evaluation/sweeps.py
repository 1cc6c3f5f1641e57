"""Sweeps: trials of settings on the same rows from the same start, and their results."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from daemon.core.records import JsonObject, Record
from daemon.core.workspace.bases import BaseFacts

Value = int | float | str
Setting = Mapping[str, Value]
"""The keys of `[training]` that a trial sets, with their values."""

Outcome = Literal["finished", "pruned", "failed"]

MEASUREMENTS = 4
"""A trial is measured this many times, evenly over its steps; the last is its result."""

RATE_FACTOR = math.sqrt(10.0)
"""Factor between the three rates of the plain comparison."""

RATE_TRIALS = 3

LEVEL = 0.95
"""Probability that all intervals of a sweep hold at once."""


@dataclass(frozen=True)
class Span:
    """A range of numbers, searched on a logarithmic scale."""

    low: float
    high: float


@dataclass(frozen=True)
class Choice:
    """One of a few values."""

    values: tuple[Value, ...]


class Searched(msgspec.Struct, frozen=True, omit_defaults=True):
    """The search space of one setting as recorded: `values`, or `low` and `high`."""

    low: float | None = None
    high: float | None = None
    values: tuple[Value, ...] = ()

    @property
    def range(self) -> Span | Choice:
        """The range or the choices."""
        if self.low is None or self.high is None:
            return Choice(self.values)
        return Span(self.low, self.high)


Space = Mapping[str, Searched]


@dataclass(frozen=True)
class Trial:
    """One setting that was tried."""

    number: int
    """Counts from 1; trial 1 is the setting in force."""
    setting: Setting
    outcome: Outcome
    curve: tuple[tuple[float, float], ...]
    """(share of the steps, loss on the held-out rows in nats per token), in order."""
    rows: tuple[tuple[float, int], ...]
    """Each held-out row's sum of losses and its tokens at the end; only of a finished trial."""
    steps: int
    """Optimizer steps that were done."""
    seconds: float
    why: str = ""
    """Why it failed or was pruned."""

    @property
    def loss(self) -> float | None:
        """The result in nats per token; None if it has none."""
        return self.curve[-1][1] if self.outcome == "finished" else None


@dataclass(frozen=True)
class SweepRequest(Record):
    """The content of a sweep's `request.json`: all that a trial needs beside the rows."""

    sweep: str
    created_at: str
    file: str
    """The name of the file or job as the user gave it, made safe to print."""
    job: str | None
    """The job the rows come from; None for a file that is not a job."""
    start_version: str | None
    """The version every trial begins from; None for the untouched base."""
    settings: JsonObject
    base: BaseFacts
    step: int
    """Optimizer steps since the base model, at the start of a trial."""
    seed: int
    trials: int
    minutes: float | None
    """No trial starts after this many minutes of training; None for no limit."""
    epochs: int
    rows: int
    """Most rows that a trial trains."""
    default: Setting
    space: Space
    """Empty where only the learning rates are compared."""
    notes: tuple[str, ...] = ()
    """Notes for the user on what is searched."""
    grid: tuple[Setting, ...] = ()
    """The settings to try, the one in force first; empty if trials are searched for."""

    @property
    def planned(self) -> tuple[Setting, ...]:
        """The settings that are tried whatever comes of them, before any is searched for."""
        return self.grid or first_settings(self.default)


def space_around(default: Setting, model_layers: int, shape_is_free: bool) -> Space:
    """Return the search space around a setting.

    Rank, scale and layers belong to the adapter that training continues from; they are searched
    only where there is none yet.
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
    """Return the first trials of every sweep: the default, a lower and a higher learning rate."""
    rate = float(default["learning_rate"])
    lower, higher = rate / RATE_FACTOR, min(1.0, rate * RATE_FACTOR)
    return (
        default,
        {**default, "learning_rate": rounded(lower)},
        {**default, "learning_rate": rounded(higher)},
    )


def rounded(value: float) -> float:
    """Return a number rounded to three significant digits: trials cannot tell finer ones apart."""
    return float(f"{value:.3g}")


def measurements(steps: int) -> dict[int, int]:
    """Return the steps after which a trial is measured, each with the measurement's number."""
    return {math.ceil(steps * n / MEASUREMENTS): n for n in range(1, MEASUREMENTS + 1)}


def measurement_of(share: float) -> int:
    """Return the number of a trial's measurement from the share of its steps."""
    return math.floor(share * MEASUREMENTS + 1e-9)


def why_over(request: SweepRequest, trials: Sequence[Trial]) -> str | None:
    """Return why no further trial starts; None if one does."""
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
    """A finished trial compared with the setting in force on the same held-out rows."""

    number: int
    change: float
    """In nats per token; below 0 is better."""
    low: float
    high: float
    """The confidence interval of the change."""

    @property
    def proven(self) -> bool:
        """Whether the trial is significantly better."""
        return self.high < 0.0


def best_of(trials: Iterable[Trial]) -> Trial | None:
    """Return the finished trial with the lowest loss, the earliest on a tie."""
    finished = [(trial.loss, trial.number, trial) for trial in trials if trial.loss is not None]
    return min(finished)[2] if finished else None


def level_of_each(others: int) -> float:
    """Return the confidence level of each interval at which all together hold `LEVEL` (Bonferroni).

    Otherwise the best of many trials would look better than it is.
    """
    return 1.0 - (1.0 - LEVEL) / max(1, others)


def verdict(best: Trial | None, differences: Iterable[Difference]) -> str:
    """Return the result of a sweep in a sentence."""
    if best is None:
        return "no trial was finished, so there is no result"
    if best.number == 1:
        return "no setting that was tried is better than the one in force"
    found = next(item for item in differences if item.number == best.number)
    by = f"{-found.change:.4f} nats per token ({-found.high:.4f} to {-found.low:.4f})"
    if found.proven:
        return f"trial {best.number} is better than the setting in force by {by}"
    return (
        f"trial {best.number} is the best that was tried, by {by}; the interval includes 0, "
        "so it is not proven better than the setting in force"
    )


def describe(setting: Setting, default: Setting) -> str:
    """Return how a setting differs from the default, for people."""
    changed = [f"{k} {shown(v)}" for k, v in setting.items() if v != default.get(k)]
    return ", ".join(changed) or "the setting in force"


def shown(value: Value) -> str:
    """Return a value for people."""
    return value if isinstance(value, str) else f"{value:g}"
