"""Draws an intake report as one PNG with matplotlib."""

from pathlib import Path
from typing import IO, TYPE_CHECKING

from daemon.analysis.charts import Chart, Report, charts
from daemon.analysis.verdict import headline, sentence
from daemon.core.workspace.jobs import escape

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE_INCHES = (16.0, 12.0)
DPI = 100
PANELS = (
    "fates",
    "reasons",
    "tokens",
    "prompt",
    "answer",
    "duplicates",
    "labels",
    "patterns",
    "first-words",
    "formatting",
    "quality",
)
MOST_PANELS = 9
COLOURS = ("#0b6699", "#b8590b", "#5b5f97")
INK, SOFT, LINE, PAPER = "#1d2327", "#566067", "#dfddd6", "#fbfaf7"
LONGEST_NAME = 26
LONGEST_TITLE = 36
MOST_TICKS = 4


def draw(report: Report, target: Path | IO[bytes]) -> None:
    """Write the picture of a report, 1600 x 1200 points."""
    # Imported here: it takes most of a second. No pyplot: it has global state.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE_INCHES, dpi=DPI, facecolor=PAPER)
    FigureCanvasAgg(figure)
    name = escape(str(report.get("name") or report.get("job") or "A file"), 90)
    figure.text(
        0.03,
        0.965,
        f"{headline(report)}: {name}",
        size=19,
        weight="bold",
        color=INK,
        parse_math=False,
    )
    figure.text(0.03, 0.937, sentence(report), size=12, color=SOFT, parse_math=False, wrap=True)
    shown = _chosen(charts(report))
    columns = 1 if len(shown) < 2 else 2 if len(shown) <= 4 else 3
    rows = max(1, -(-len(shown) // columns))
    # Fixed margins: measuring all texts for a tight layout takes longer than drawing them.
    grid = figure.add_gridspec(
        rows,
        columns,
        left=0.12 if columns > 1 else 0.2,
        right=0.98,
        top=0.88,
        bottom=0.06,
        hspace=0.42,
        wspace=0.52,
    )
    for place, chart in enumerate(shown):
        _panel(figure.add_subplot(grid[place // columns, place % columns]), chart)
    figure.savefig(target, format="png", facecolor=PAPER, metadata={"Software": None})


def _chosen(found: list[Chart]) -> list[Chart]:
    by_id = {chart.id: chart for chart in found}
    return [by_id[id] for id in PANELS if id in by_id and by_id[id].is_drawn][:MOST_PANELS]


def _panel(axes: "Axes", chart: Chart) -> None:
    if chart.kind == "spread":
        _vertical_bars(axes, chart)
    else:
        _horizontal_bars(axes, chart)
    axes.set_title(
        _short(chart.title, LONGEST_TITLE), loc="left", size=12, weight="bold", color=INK, pad=10
    )
    axes.tick_params(colors=SOFT, labelsize=9, length=0)
    axes.set_axisbelow(True)
    for side in axes.spines.values():
        side.set_visible(False)


def _vertical_bars(axes: "Axes", chart: Chart) -> None:
    places = range(len(chart.labels))
    axes.bar(places, chart.series[0][1], width=0.94, color=COLOURS[0])
    every = -(-len(chart.labels) // MOST_TICKS)
    axes.set_xticks(list(places)[::every], list(chart.labels)[::every])
    axes.set_xlabel(chart.unit, color=SOFT, size=9)
    axes.grid(axis="y", color=LINE)
    if chart.limit_at is not None:
        axes.axvline(chart.limit_at, color=COLOURS[1], linestyle="--", linewidth=1.6)
        axes.annotate(
            "limit",
            (chart.limit_at, 1),
            xycoords=("data", "axes fraction"),
            xytext=(-4, -12),
            textcoords="offset points",
            ha="right",
            color=COLOURS[1],
            size=9,
        )


def _horizontal_bars(axes: "Axes", chart: Chart) -> None:
    places = range(len(chart.labels))
    begin = [0] * len(chart.labels)
    for number, (name, counts) in enumerate(chart.series):
        axes.barh(places, counts, left=begin, height=0.7, color=COLOURS[number], label=name)
        begin = [before + count for before, count in zip(begin, counts, strict=True)]
    for place, total in enumerate(begin):
        axes.annotate(
            f"{total:,}",
            (total, place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            color=SOFT,
            size=9,
        )
    axes.set_yticks(list(places), [_short(label) for label in chart.labels], parse_math=False)
    axes.invert_yaxis()
    axes.set_xlim(0, max(1, *begin) * 1.12)
    axes.set_xticks([])
    if len(chart.series) > 1:
        # Below the panel: inside, it would cover the bars.
        axes.legend(
            frameon=False,
            fontsize=9,
            loc="upper left",
            bbox_to_anchor=(0, 0),
            ncols=len(chart.series),
            columnspacing=1.2,
            handlelength=1.2,
        )


def _short(label: str, most: int = LONGEST_NAME) -> str:
    return label if len(label) <= most else label[: most - 1] + "…"
