"""Renders the benchmarks of all versions as a chart, an HTML page and Markdown."""

from daemon.analysis.curves.charts import LineChart, Series, line_of
from daemon.core.evaluation.benchmarks import Counts, percent
from daemon.evaluation.course import Course
from daemon.reports.rendering import render

OVERALL = "overall"
TITLE = "Benchmarks by version"


def chart_of(course: Course) -> LineChart:
    """Return the lines of each suite and of all together, over the numbers of the versions."""
    lines: list[tuple[str, list[tuple[int, Counts]]]] = [
        (
            name,
            [
                (point.number, point.right.suites[name])
                for point in course.points
                if name in point.right.suites
            ],
        )
        for name in course.suites
    ]
    lines.append((OVERALL, [(point.number, point.right.overall) for point in course.points]))
    series = [
        Series(
            name,
            [(number, percent(counts)) for number, counts in line],
            line_of(line),
            colour,
        )
        for colour, (name, line) in enumerate(lines)
    ]
    first, last = course.points[0], course.points[-1]
    summary = (
        f"Overall from {percent(first.right.overall):.0f} % at {first.version} to "
        f"{percent(last.right.overall):.0f} % at {last.version}."
    )
    return LineChart("progress", TITLE, summary, "% right", tuple(series), axis="version")


def page(course: Course) -> str:
    """Return the course as a self-contained HTML page."""
    chart = chart_of(course)
    figure = {
        "id": chart.id,
        "title": chart.title,
        "summary": chart.summary,
        "is_drawn": chart.is_drawn,
        "names": course.columns,
        "numbers": course.columns[3:],
        "rows": course.rows,
    }
    return render(
        "progress.html",
        title=TITLE,
        summary=chart.summary,
        figures=[figure],
        notes=course.notes,
        drawn=[chart.as_data()] if chart.is_drawn else [],
    )


def markdown(course: Course) -> str:
    """Return the course as Markdown."""
    return render(
        "progress.md",
        title=TITLE,
        names=course.columns,
        rows=course.rows,
        notes=course.notes,
        picture="progress.png",
    )
