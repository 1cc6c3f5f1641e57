"""Draws the loss curve of a run as a PNG."""

from collections.abc import Sequence
from pathlib import Path


def draw_loss(
    path: Path,
    title: str,
    losses: Sequence[tuple[int, float]],
    validation: Sequence[tuple[int, float]],
) -> None:
    """Write a PNG with the training loss of each step and the validation losses."""
    # Imported here: it costs a second and is needed once a run. No pyplot: it keeps global state.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, 4.5), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    if losses:
        axes.plot(*zip(*losses, strict=True), linewidth=1.0, label="training")
    if validation:
        axes.plot(*zip(*validation, strict=True), marker="o", label="validation")
    if losses or validation:
        axes.legend()
    axes.set(title=title, xlabel="step", ylabel="loss (nats per token)")
    axes.grid(alpha=0.3)
    figure.savefig(path, format="png", metadata={"Software": None})
