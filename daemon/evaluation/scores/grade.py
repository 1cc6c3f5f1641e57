"""An overall grade of a version's scores: a figure from 0 to 100 and a letter."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import floor
from typing import Literal, cast, get_args

from daemon.core.evaluation.reports import GradeFigures
from daemon.core.training.evaluations import Mean, Summary
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
    items: Mapping[Part, int] = field(default_factory=dict)
    """How many answers each part rests on."""

    def as_record(self) -> GradeFigures:
        """Return plain JSON values."""
        return cast("GradeFigures", asdict(self))


def parts_of(summaries: Sequence[Summary]) -> dict[Part, Mean]:
    """Return each part's mean over those suites and hold-outs that measured it, and its answers."""
    found: dict[Part, list[Mean]] = {part: [] for part in PARTS}
    for summary in summaries:
        for part, value in _measured(summary).items():
            if value is not None and value.count:
                found[part].append(value)
    return {
        part: Mean(sum(one.mean for one in means) / len(means), sum(one.count for one in means))
        for part, means in found.items()
        if means
    }


def _measured(summary: Summary) -> dict[Part, Mean | None]:
    metrics, error = summary.metrics, summary.calibration_error
    repeated, formatting = metrics.get("repetition"), summary.formatting
    # Summaries of an earlier release do not say how many answers these two rest on.
    formatted = summary.formatted or summary.items
    confidences = summary.judged_confidences or summary.items
    return {
        "accuracy": summary.main,
        "overlap": metrics.get("token_f1"),
        "length": metrics.get("length"),
        "formatting": None if formatting is None else Mean(formatting, formatted),
        "style": metrics.get("style"),
        "variety": None if repeated is None else Mean(1.0 - repeated.mean, repeated.count),
        "calibration": None if error is None else Mean(1.0 - error, confidences),
    }


def grade(parts: Mapping[Part, Mean], settings: GradeSettings) -> Grade | None:
    """Return the weighted mean of the parts; None if it would rest on no answer's content.

    A part earns its value over its target, at most 100. Variety alone is no grade: an answer that
    says nothing does not repeat itself.
    """
    weights: dict[Part, float] = {part: getattr(settings, f"{part}_weight") for part in PARTS}
    earned: dict[Part, float] = {
        part: 100.0 * min(1.0, max(0.0, parts[part].mean) / getattr(settings, f"{part}_target"))
        for part in PARTS
        if part in parts
    }
    if not any(weights[part] for part in earned if part != "variety"):
        return None
    known = sum(weights[part] for part in earned)
    overall = sum(weights[part] * value for part, value in earned.items()) / known
    left_out = tuple(part for part in PARTS if weights[part] and part not in earned)
    items = {part: parts[part].count for part in earned}
    return Grade(overall, letter_of(overall), earned, left_out, items)


def parts_shown(found: GradeFigures) -> str:
    """Return the parts of a grade's record in words: what each earned, on how many answers."""
    items = found.get("items") or {}
    named = [
        f"{part} {value:.0f}" + (f" on {items[part]} answers" if part in items else "")
        for part, value in found["parts"].items()
    ]
    missing = f"; not measured: {', '.join(found['left_out'])}" if found["left_out"] else ""
    return ", ".join(named) + missing


def shown(found: GradeFigures) -> str:
    """Return letter and figure of a grade's record, rounded down: 59.6 is below 60, the least D."""
    return f"{found['letter']} ({floor(found['overall'])})"


def letter_of(overall: float) -> Letter:
    """Return the letter of a figure from 0 to 100."""
    return next((letter for least, letter in LETTERS if overall >= least), "F")
