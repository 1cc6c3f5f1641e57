"""Selects the charts of a diagnosis, as numbers and sentences."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from daemon.analysis.curves.smoothing import binned
from daemon.core.curves.curves import Diagnosis
from daemon.core.records import JsonObject

MOST_POINTS = 1500
"""Points of a drawn series; a longer one is drawn as medians of equal intervals."""
MOST_CURVES = 12
"""Curves compared in one chart: the newest."""
Pairs = Sequence[tuple[int, float]]
Style = Literal["dots", "line", "markers", "trace"]
"""Faint dots of many noisy points; a line; single marks; a thin line with its points marked."""
FEW_POINTS = 60
"""Up to so many points a noisy series is a line through all of them: dots would hardly show."""


@dataclass(frozen=True)
class Series:
    """One line over the steps."""

    name: str
    points: Pairs
    style: Style
    colour: int
    """The index into the palette; related series share it."""


@dataclass(frozen=True)
class LineChart:
    """Lines over the steps; page, table and PNG are rendered from the same numbers."""

    id: str
    title: str
    summary: str
    unit: str
    series: tuple[Series, ...]
    marks: tuple[tuple[int, str], ...] = ()
    """Marked steps, each with a few words."""
    axis: str = "step"
    """What the numbers of the horizontal axis are."""

    @property
    def is_drawn(self) -> bool:
        """Whether a series has more than one point; else the summary says it all."""
        return any(len(one.points) > 1 for one in self.series)

    def as_data(self) -> JsonObject:
        """Return the data for the page's script."""
        return {
            "id": self.id,
            "kind": "lines",
            "unit": self.unit,
            "axis": self.axis,
            "marks": self.marks,
            "series": [
                (one.name, *zip(*one.points, strict=True), one.style, one.colour)
                for one in self.series
            ],
        }


def charts(diagnosis: Diagnosis) -> list[LineChart]:
    """Return the charts of one curve, the most useful first; missing quantities have none."""
    builders = (_loss, _gap, _slope, _gradient, _rate, _speed, _memory)
    return [chart for build in builders for chart in build(diagnosis)]


def compared(diagnoses: Sequence[Diagnosis]) -> list[LineChart]:
    """Return charts that overlay several curves, aligned at their first steps."""
    newest = [one for one in diagnoses if one.curve.points][-MOST_CURVES:]
    left = len([one for one in diagnoses if one.curve.points]) - len(newest)
    summary = f"The newest {len(newest)}; {left} older ones are left out." if left else "All runs."
    loss = [(one, one.smoothed or one.curve.losses) for one in newest]
    validation = [(one, one.curve.validation) for one in newest]
    return [
        *_overlay("losses", "Training loss, smoothed", summary, loss),
        *_overlay("validations", "Validation loss", summary, validation),
    ]


def _overlay(
    id: str, title: str, summary: str, found: Sequence[tuple[Diagnosis, Pairs]]
) -> Iterator[LineChart]:
    series = tuple(
        Series(one.curve.name, _thinned(_from_one(one, points)), line_of(points), place)
        for place, (one, points) in enumerate(found)
        if points
    )
    if series:
        yield LineChart(id, title, f"{summary} Steps count from each run's first.", NATS, series)


def _from_one(one: Diagnosis, points: Pairs) -> Pairs:
    first = one.curve.points[0].step
    return [(step - first + 1, value) for step, value in points]


NATS = "nats per token"


def _loss(of: Diagnosis) -> Iterator[LineChart]:
    curve = of.curve
    summary = [f"{len(curve.points):,} steps."]
    for words, name in (("Training", "final_loss"), ("Validation", "final_validation_loss")):
        value = of.facts.get(name)
        summary += [f"{words} loss at the end {value:.3f}."] if value is not None else []
    series = [
        _noisy("training", curve.losses, "trace" if of.smoothed else "line"),
        Series("training, smoothed", of.smoothed, "line", 0),
        Series("validation", _thinned(curve.validation), "markers", 1),
        Series("validation, smoothed", of.smoothed_validation, "line", 1),
    ]
    marks = [(found.begins_at_step, found.kind.replace("_", " ")) for found in of.findings]
    # A stop at the last validation is not marked: the run ended there, or continues.
    if of.stop and not (curve.validation and of.stop.step == curve.validation[-1][0]):
        marks.append((of.stop.step, "stop here"))
    yield from _chart("loss", "Loss", " ".join(summary), NATS, series, tuple(marks))


def _gap(of: Diagnosis) -> Iterator[LineChart]:
    if not of.smoothed or not of.curve.validation:
        return
    steps, level = np.array(of.smoothed).T
    pairs = [
        (step, float(loss - np.interp(step, steps, level))) for step, loss in of.curve.validation
    ]
    summary = f"Validation loss less smoothed training loss; {pairs[-1][1]:.3f} at the end."
    yield from _chart("gap", "Gap", summary, NATS, [Series("gap", _thinned(pairs), "line", 1)])


def _slope(of: Diagnosis) -> Iterator[LineChart]:
    pairs = [(step, 100.0 * slope) for step, slope in of.slope]
    if pairs:
        summary = f"How fast the smoothed loss changes; {pairs[-1][1]:.4f} in 100 steps at the end."
        yield from _chart(
            "slope", "Slope", summary, "nats in 100 steps", [Series("slope", pairs, "line", 0)]
        )


def _gradient(of: Diagnosis) -> Iterator[LineChart]:
    pairs = [(step, norm) for step, norm in of.curve.series("gradient_norm") if norm > 0]
    summary = _span(pairs, "Length of the gradient before clipping")
    chart = _chart("gradient-norm", "Gradient norm", summary, "norm", [_noisy("norm", pairs)])
    yield from chart


def _rate(of: Diagnosis) -> Iterator[LineChart]:
    pairs = of.curve.series("learning_rate")
    summary = _span(pairs, "The optimizer's rate")
    yield from _chart("learning-rate", "Learning rate", summary, "", _one("rate", pairs))


def _speed(of: Diagnosis) -> Iterator[LineChart]:
    pairs = of.curve.series("tokens_per_s")
    summary = _span(pairs, "Real tokens, padding not counted")
    yield from _chart("throughput", "Throughput", summary, "tokens/s", [_noisy("speed", pairs)])


def _memory(of: Diagnosis) -> Iterator[LineChart]:
    pairs = [(step, held / 1e9) for step, held in of.curve.series("memory_bytes")]
    summary = _span(pairs, "Peak memory of the model up to each step")
    yield from _chart("memory", "Memory", summary, "GB", _one("memory", pairs))


def line_of(points: Sequence[object], style: Style = "line") -> Style:
    """Return the style of a line; a single point has none and is marked."""
    return style if len(points) > 1 else "markers"


def _one(name: str, pairs: Pairs) -> list[Series]:
    return [Series(name, _thinned(pairs), line_of(pairs), 0)]


def _noisy(name: str, pairs: Pairs, few: Style = "line") -> Series:
    style = line_of(pairs, few) if len(pairs) <= FEW_POINTS else "dots"
    return Series(name, _thinned(pairs), style, 0)


def _span(pairs: Pairs, words: str) -> str:
    if not pairs:
        return ""
    values = [value for _, value in pairs]
    middle = float(np.median(values))
    return f"{words}: from {min(values):.3g} to {max(values):.3g}, half under {middle:.3g}."


def _chart(
    id: str,
    title: str,
    summary: str,
    unit: str,
    series: Sequence[Series],
    marks: tuple[tuple[int, str], ...] = (),
) -> Iterator[LineChart]:
    shown = tuple(one for one in series if one.points)
    if shown:
        yield LineChart(id, title, summary, unit, shown, marks)


def _thinned(pairs: Pairs) -> Pairs:
    if len(pairs) <= MOST_POINTS:
        return pairs
    steps, values = np.array(pairs, np.float64).T
    medians = binned(steps, values, MOST_POINTS)
    return [(int(step), float(value)) for step, value in zip(*medians, strict=True)]
