"""Renders diagnoses as a self-contained HTML page."""

from collections.abc import Sequence

from daemon.analysis.curves import evolution, words
from daemon.analysis.curves.charts import LineChart, charts, compared
from daemon.analysis.frame import document, figure, pictures
from daemon.analysis.markup import Html, element, join, table, text
from daemon.core.curves.curves import CurveFinding, Diagnosis, Probe
from daemon.core.workspace.jobs import escape

MOST_ROWS = 40
"""Rows of a chart's table; a longer series is sampled evenly."""


def render(diagnosis: Diagnosis, probes: Sequence[Probe] = ()) -> str:
    """Return the page of one curve, with the timeline of its probes if it has any."""
    drawn, probed = charts(diagnosis), evolution.similarities(probes)
    curve = diagnosis.curve
    body = join(
        _header(_named(diagnosis), diagnosis),
        element(
            "main",
            _findings(diagnosis),
            _remarks(diagnosis),
            pictures("Curves", [_figure(chart) for chart in drawn]),
            evolution.section(probes),
        ),
        _footer(diagnosis),
    )
    title = f"{words.headline(diagnosis)}: {escape(curve.name, 200)}"
    return document(title, body, [chart.as_data() for chart in (*drawn, *probed)])


def render_all(diagnoses: Sequence[Diagnosis], title: str) -> str:
    """Return the page that compares several curves."""
    drawn = compared(diagnoses)
    with_findings = sum(bool(one.findings) for one in diagnoses)
    counts_text = f"{len(diagnoses)} runs, {with_findings} with findings"
    body = join(
        element(
            "header",
            element("h1", text(title)),
            element("p", counts_text, kind="verdict"),
            element("p", "Hover a curve for its numbers; drag to zoom.", kind="lead"),
        ),
        element(
            "main",
            _table(diagnoses),
            pictures("Curves", [_figure(one) for one in drawn]),
            *(_one_of_all(one) for one in diagnoses),
        ),
    )
    return document(f"{counts_text}: {title}", body, [chart.as_data() for chart in drawn])


def _named(diagnosis: Diagnosis) -> str:
    curve = diagnosis.curve
    others = [name for name in (curve.run,) if name and name != curve.name]
    return " · ".join(escape(name, 200) for name in (curve.name, *others, *curve.files[:5]))


def _header(name: str, diagnosis: Diagnosis) -> Html:
    kind = "refused" if diagnosis.findings else "accepted"
    kind = "nothing_new" if diagnosis.verdict == "too short to judge" else kind
    stop = words.stop(diagnosis)
    return element(
        "header",
        element("h1", text(name)),
        element("p", text(words.headline(diagnosis)), kind=f"verdict {kind}"),
        element("p", text(words.sentence(diagnosis)), kind="lead"),
        element("p", text(stop), kind="lead") if stop else "",
    )


def _findings(diagnosis: Diagnosis) -> Html:
    if not diagnosis.findings:
        return ""
    cards = (_finding(finding) for finding in diagnosis.findings)
    return element("section", element("h2", "Findings"), *cards)


def _finding(finding: CurveFinding) -> Html:
    numbers = ", ".join(
        f"{name.replace('_', ' ')} {value:g}" for name, value in finding.evidence.items()
    )
    return element(
        "article",
        element(
            "h3",
            text(finding.kind.replace("_", " ")),
            element("span", f" from step {finding.begins_at_step:,}", kind="count"),
        ),
        element("p", text(words.message(finding)), kind="hint"),
        element("p", element("b", "What to do: "), text(words.advice(finding))),
        element("p", text(numbers), kind="soft"),
        kind="card reason",
    )


def _remarks(diagnosis: Diagnosis) -> Html:
    sentences = [escape(one, 500) for one in words.remarks(diagnosis)]
    return (
        element("ul", *(element("li", text(one)) for one in sentences), kind="remarks")
        if sentences
        else ""
    )


def _table(diagnoses: Sequence[Diagnosis]) -> Html:
    names = ("run", "version", "files", "steps", "final loss", "validation", "stop at", "verdict")
    rows = [
        (
            escape(one.curve.run or "-", 60),
            escape(one.curve.version or "-", 60),
            escape(", ".join(one.curve.files[:3]) or "-", 120)
            + (f" and {len(one.curve.files) - 3} more" if len(one.curve.files) > 3 else ""),
            f"{len(one.curve.points):,}",
            number(one.facts.get("final_loss")),
            number(one.facts.get("final_validation_loss")),
            f"{one.stop.step:,}" if one.stop else "-",
            one.verdict,
        )
        for one in diagnoses
    ]
    return element(
        "section", element("div", table(names, rows, (3, 4, 5, 6), stacked=True), kind="card wide")
    )


def _one_of_all(diagnosis: Diagnosis) -> Html:
    stop = words.stop(diagnosis)
    if not (diagnosis.findings or words.remarks(diagnosis)):
        return ""
    return element(
        "section",
        element("h2", text(_named(diagnosis))),
        *(_finding(finding) for finding in diagnosis.findings),
        element("p", text(stop)) if stop else "",
        _remarks(diagnosis),
    )


def _figure(chart: LineChart) -> Html:
    lines = [dict(series.points) for series in chart.series]
    steps = sorted({step for line in lines for step in line})
    every = -(-len(steps) // MOST_ROWS)
    shown = sorted({*steps[::every], *steps[-1:]}) if every > 1 else steps
    rows = [(f"{step:,}", *(number(line.get(step)) for line in lines)) for step in shown]
    names = ("step", *(escape(series.name, 60) for series in chart.series))
    return figure(chart.id, chart.title, chart.summary, names, rows, range(len(names)))


def number(value: float | None) -> str:
    """Return a loss or any measured number for a table."""
    return "-" if value is None else f"{value:.4g}"


def _footer(diagnosis: Diagnosis) -> Html:
    noise = diagnosis.facts.get("noise")
    sentences = "Smoothed by locally weighted regression (LOWESS) over 15 % of the steps."
    if noise is not None:
        sentences += f" The noise of one drawn loss is {noise:.4f} nats a token."
    return element("footer", element("p", text(sentences)))
