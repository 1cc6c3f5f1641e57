"""Renders diagnoses as a self-contained HTML page."""

from collections.abc import Sequence

from daemon.analysis.curves import evolution, words
from daemon.analysis.curves.charts import LineChart, charts, compared
from daemon.core.curves.curves import CurveFinding, Diagnosis, Probe
from daemon.core.records import JsonObject
from daemon.core.workspace.jobs import escape
from daemon.reports.rendering import render as render_template

MOST_ROWS = 40
"""Rows of a chart's table; a longer series is sampled evenly."""


def render(diagnosis: Diagnosis, probes: Sequence[Probe] = ()) -> str:
    """Return the page of one curve, with the timeline of its probes if it has any."""
    drawn, probed = charts(diagnosis), evolution.similarities(probes)
    kind = "refused" if diagnosis.findings else "accepted"
    return render_template(
        "curve.html",
        title=f"{words.headline(diagnosis)}: {escape(diagnosis.curve.name)}",
        headline=words.headline(diagnosis),
        sentence=words.sentence(diagnosis),
        kind="nothing_new" if diagnosis.verdict == "too short to judge" else kind,
        curve=_curve(diagnosis),
        figures=[_figure(chart) for chart in drawn],
        probes=evolution.timelines(probes),
        noise=diagnosis.facts.get("noise"),
        drawn=[chart.as_data() for chart in (*drawn, *probed) if chart.is_drawn],
    )


def render_all(diagnoses: Sequence[Diagnosis], title: str) -> str:
    """Return the page that compares several curves."""
    drawn = compared(diagnoses)
    with_findings = sum(bool(one.findings) for one in diagnoses)
    counts_text = f"{len(diagnoses)} runs, {with_findings} with findings"
    curves = [_curve(one) for one in diagnoses]
    return render_template(
        "curves.html",
        title=f"{counts_text}: {title}",
        name=title,
        counts=counts_text,
        rows=[_row(one) for one in diagnoses],
        figures=[_figure(one) for one in drawn],
        curves=[one for one in curves if one["findings"] or one["remarks"]],
        drawn=[chart.as_data() for chart in drawn if chart.is_drawn],
    )


def _curve(diagnosis: Diagnosis) -> JsonObject:
    return {
        "name": _named(diagnosis),
        "stop": words.stop(diagnosis),
        "findings": [_finding(finding) for finding in diagnosis.findings],
        "remarks": words.remarks(diagnosis),
    }


def _named(diagnosis: Diagnosis) -> str:
    curve = diagnosis.curve
    others = [name for name in (curve.run,) if name and name != curve.name]
    return " · ".join(escape(name, 200) for name in (curve.name, *others, *curve.files[:5]))


def _finding(finding: CurveFinding) -> dict[str, str]:
    numbers = (f"{name.replace('_', ' ')} {value:g}" for name, value in finding.evidence.items())
    return {
        "kind": finding.kind.replace("_", " "),
        "begins": f"{finding.begins_at_step:,}",
        "message": words.message(finding),
        "advice": words.advice(finding),
        "numbers": ", ".join(numbers),
    }


def _row(one: Diagnosis) -> tuple[str, ...]:
    """Return the row of a curve in the table of all."""
    files = one.curve.files
    more = f" and {len(files) - 3} more" if len(files) > 3 else ""
    return (
        escape(one.curve.run or "-", 60),
        escape(one.curve.version or "-", 60),
        escape(", ".join(files[:3]) or "-", 120) + more,
        f"{len(one.curve.points):,}",
        number(one.facts.get("final_loss")),
        number(one.facts.get("final_validation_loss")),
        f"{one.stop.step:,}" if one.stop else "-",
        one.verdict,
    )


def _figure(chart: LineChart) -> JsonObject:
    lines = [dict(series.points) for series in chart.series]
    steps = sorted({step for line in lines for step in line})
    every = -(-len(steps) // MOST_ROWS)
    shown = sorted({*steps[::every], *steps[-1:]}) if every > 1 else steps
    names = ("step", *(escape(series.name, 60) for series in chart.series))
    return {
        "id": chart.id,
        "title": chart.title,
        "summary": chart.summary,
        "is_drawn": chart.is_drawn,
        "names": names,
        "numbers": names,
        "rows": [(f"{step:,}", *(number(line.get(step)) for line in lines)) for step in shown],
    }


def number(value: float | None) -> str:
    """Return a loss or any measured number for a table."""
    return "-" if value is None else f"{value:.4g}"
