"""An overall grade of a version's scores: a figure from 0 to 100 and a letter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor
from typing import Literal, get_args

from daemon.core.evaluation.reports import GradeFigures
from daemon.core.training.evaluations import Summary
from daemon.settings_evaluation import GradeSettings

Part = Literal["accuracy", "overlap", "length", "formatting", "style", "variety", "calibration"]
PARTS: tuple[Part, ...] = get_args(Part)
Letter = Literal["A", "B", "C", "D", "F"]
LETTERS: tuple[tuple[float, Letter], ...] = ((90.0, "A"), (80.0, "B"), (70.0, "C"), (60.0, "D"))
"""The lowest figure of each letter; below the last it is F."""


@dataclass(frozen=True, slots=True)
class Grade:
    """The overall score."""

    overall: float
    """From 0 to 100."""
    letter: Letter
    parts: Mapping[Part, float]
    """What each part earned, from 0 to 100, before its weight."""
    left_out: tuple[Part, ...]
    """Parts with a weight that were not measured; the others share it."""


def parts_of(summaries: Sequence[Summary]) -> dict[Part, float]:
    """Return the mean of each part over those suites and hold-outs that measured it."""
    found: dict[Part, list[float]] = {part: [] for part in PARTS}
    for summary in summaries:
        for part, value in _measured(summary).items():
            if value is not None:
                found[part].append(value)
    return {part: sum(values) / len(values) for part, values in found.items() if values}


def _measured(summary: Summary) -> dict[Part, float | None]:
    def mean(name: str) -> float | None:
        return summary.metrics[name].mean if name in summary.metrics else None

    repeated, error = mean("repetition"), summary.calibration_error
    return {
        "accuracy": None if summary.main is None else summary.main.mean,
        "overlap": mean("token_f1"),
        "length": mean("length"),
        "formatting": summary.formatting,
        "style": mean("style"),
        "variety": None if repeated is None else 1.0 - repeated,
        "calibration": None if error is None else 1.0 - error,
    }


def grade(parts: Mapping[Part, float], settings: GradeSettings) -> Grade | None:
    """Return the weighted mean of the parts; None where no part with a weight was measured.

    A part earns its value over its target, at most 100.
    """
    weights: dict[Part, float] = {part: getattr(settings, f"{part}_weight") for part in PARTS}
    earned: dict[Part, float] = {
        part: 100.0 * min(1.0, max(0.0, parts[part]) / getattr(settings, f"{part}_target"))
        for part in PARTS
        if part in parts
    }
    known = sum(weights[part] for part in earned)
    if not known:
        return None
    overall = sum(weights[part] * value for part, value in earned.items()) / known
    left_out = tuple(part for part in PARTS if weights[part] and part not in earned)
    return Grade(overall, letter_of(overall), earned, left_out)


def shown(found: GradeFigures) -> str:
    """Return letter and figure of a grade's record, rounded down: 59.6 is below 60, the least D."""
    return f"{found['letter']} ({floor(found['overall'])})"


def letter_of(overall: float) -> Letter:
    """Return the letter of a figure from 0 to 100."""
    return next((letter for least, letter in LETTERS if overall >= least), "F")
