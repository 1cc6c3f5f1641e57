"""Draws a sweep: the loss curve of each trial, and the interval of its gain."""

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from daemon.core.evaluation.sweeps import Difference, SweepRequest, Trial, describe

LABEL = 40
"""Line width, in characters, of the label beside an interval."""


def draw_sweep(
    path: Path, request: SweepRequest, trials: Sequence[Trial], found: Sequence[Difference]
) -> None:
    """Write a PNG: losses of all trials on the left, gains of finished trials on the right."""
    # Imported here: it takes a second and is needed once per sweep. No pyplot: it keeps state.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    height = 4.0 + 0.25 * len(trials)
    figure = Figure(figsize=(13.0, height), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    _curves(left, trials)
    _intervals(right, request, trials, found)
    figure.suptitle(f"{request.sweep}: {request.file}"[:100].replace("$", r"\$"))
    figure.savefig(path, format="png", metadata={"Software": None})


def _curves(axes: Any, trials: Sequence[Trial]) -> None:
    drawn = [trial for trial in trials if trial.curve]
    for trial in drawn:
        dashed = trial.outcome != "finished"
        axes.plot(
            *zip(*trial.curve, strict=True),
            marker="o",
            markersize=3,
            linewidth=2.0 if trial.number == 1 else 1.0,
            linestyle="--" if dashed else "-",
            alpha=0.4 if dashed else 1.0,
            color="black" if trial.number == 1 else None,
            label=str(trial.number),
        )
    if drawn:
        axes.legend(title="trial", fontsize="small", ncols=2)
    axes.set(title="Loss of each trial", xlabel="share of its steps", ylabel="nats per token")
    axes.grid(alpha=0.3)


def _intervals(
    axes: Any, request: SweepRequest, trials: Sequence[Trial], found: Sequence[Difference]
) -> None:
    settings = {trial.number: trial.setting for trial in trials}
    ordered = sorted(found, key=lambda item: -item.change)
    for place, item in enumerate(ordered):
        colour = "green" if item.proven else "red" if item.low > 0.0 else "grey"
        axes.plot([item.low, item.high], [place, place], color=colour)
        axes.plot(item.change, place, "o", color=colour)
    names = [f"{d.number}: {describe(settings[d.number], request.default)}" for d in ordered]
    labels = [textwrap.fill(name, LABEL) for name in names]
    axes.set_yticks(range(len(ordered)), labels, fontsize="small")
    axes.axvline(0.0, color="black", linewidth=1.0)
    axes.set(title="Against the setting in force", xlabel="nats per token; lower is better")
    axes.grid(alpha=0.3, axis="x")
