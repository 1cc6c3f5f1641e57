"""Draws each chart of learning curves as a PNG with matplotlib."""

from typing import IO, TYPE_CHECKING, Any

from daemon.analysis.curves.charts import LineChart, Series
from daemon.analysis.pictures import DPI, INK, LINE, PAPER, SOFT
from daemon.core.workspace.jobs import escape

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE_INCHES = (9.0, 5.0)
COLOURS = ("#0b6699", "#b8590b", "#5b5f97", "#0a6b4f", "#a83a17", "#4d5a63")
DASHES = ("-", "--", ":", "-.")
MARK = "#a83a17"


def draw(chart: LineChart, title: str, target: IO[bytes]) -> None:
    """Write the picture of a chart, 900 x 500 points; `title` names the run."""
    # Imported here: it takes most of a second. No pyplot: it has global state.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE_INCHES, dpi=DPI, facecolor=PAPER)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.1, 0.12, 0.87, 0.7), facecolor=PAPER)
    figure.text(
        0.03,
        0.94,
        f"{chart.title}: {escape(title, 70)}",
        size=14,
        weight="bold",
        color=INK,
        parse_math=False,
    )
    figure.text(0.03, 0.89, chart.summary[:120], size=9, color=SOFT, parse_math=False)
    for series in chart.series:
        _line(axes, series)
    for place, (step, words) in enumerate(chart.marks):
        axes.axvline(step, color=MARK, linestyle="--", linewidth=1.2)
        axes.annotate(
            words,
            (step, 1),
            xycoords=("data", "axes fraction"),
            size=8,
            color=MARK,
            xytext=(4, -10 - 12 * place),
            textcoords="offset points",
        )
    if len(chart.series) > 1:
        axes.legend(frameon=False, fontsize=8, loc="lower left", bbox_to_anchor=(0, 1), ncols=4)
    axes.set_xlabel(chart.axis, color=SOFT, size=9)
    axes.set_ylabel(chart.unit, color=SOFT, size=9)
    _plain(axes)
    figure.savefig(target, format="png", facecolor=PAPER, metadata={"Software": None})


def _plain(axes: "Axes") -> None:
    axes.locator_params(axis="x", integer=True)
    axes.tick_params(colors=SOFT, labelsize=9, length=0)
    axes.grid(color=LINE)
    for side in axes.spines.values():
        side.set_visible(False)


def _line(axes: "Axes", series: Series) -> None:
    colour = COLOURS[series.colour % len(COLOURS)]
    dash = DASHES[series.colour // len(COLOURS) % len(DASHES)]
    # A name with dollar signs would be read as a formula.
    name = escape(series.name, 30).replace("$", r"\$")
    if series.style == "line":
        how: dict[str, Any] = {"linestyle": dash, "linewidth": 1.8}
    elif series.style == "trace":
        how = {"linestyle": dash, "linewidth": 0.9, "marker": ".", "markersize": 3, "alpha": 0.6}
    elif series.style == "dots":
        how = {"linestyle": "", "marker": ".", "markersize": 3, "alpha": 0.4}
    else:
        how = {"linestyle": "", "marker": "o", "markersize": 5}
    axes.plot(*zip(*series.points, strict=True), color=colour, label=name, **how)
