"""Renders an intake report as a self-contained HTML page."""

from collections.abc import Iterator, Mapping

from daemon.analysis.charts import Chart, Report, charts, count_of, listed, part
from daemon.analysis.verdict import headline, remarks, sentence, why
from daemon.core.records import JsonObject
from daemon.core.workspace.jobs import escape
from daemon.reports.rendering import render as render_template

VERDICTS = ("accepted", "refused", "nothing_new", "changed")
Row = tuple[str, ...]


def render(report: Report) -> str:
    """Return the page of a report; what the report does not have the page leaves out."""
    drawn = charts(report)
    verdict = str(report.get("verdict"))
    name = escape(str(report.get("name") or report.get("job") or "A file"))
    duplicates = part(report, "duplicates")
    return render_template(
        "job.html",
        title=f"{headline(report)}: {name}",
        name=name,
        kind=verdict if verdict in VERDICTS else "changed",
        headline=headline(report),
        sentences=[text for text in (sentence(report), why(report)) if text],
        remarks=remarks(report),
        rejected=part(report, "rows").get("rejected"),
        reasons=[_reason(reason) for reason in listed(report.get("reasons"))],
        conflicts=list(map(_conflict, listed(part(duplicates, "conflicts").get("examples")))),
        private=part(report, "secrets", "kinds"),
        figures=[_figure(chart) for chart in drawn],
        lowest=list(map(_low, listed(part(report, "quality").get("lowest")))),
        boilerplate=duplicates.get("boilerplate") or [],
        facts=[fact for fact in _facts(report) if fact],
        drawn=[_chart_data(chart) for chart in drawn if chart.is_drawn],
    )


def _reason(reason: Mapping[str, object]) -> JsonObject:
    return {
        "code": str(reason.get("code")),
        "count": count_of(reason.get("count") or 0),
        "hint": str(reason.get("hint") or ""),
        "examples": [_example(example) for example in listed(reason.get("examples"))],
    }


def _example(example: Mapping[str, object]) -> Row:
    of = example.get("of")
    message = escape(str(example.get("message") or ""), 300)
    if isinstance(of, Mapping) and _of(of) not in message:
        message = f"{message} ({_of(of)})" if message else _of(of)
    column = example.get("column")
    where = "" if column is None else f" (column {count_of(column):,})"
    sentences = message if "column" in message else message + where
    return _number(example.get("line")), sentences, escape(str(example.get("excerpt") or ""), 300)


def _of(of: Mapping[str, object]) -> str:
    place = f"line {_number(of.get('line'))}"
    return f"{place} of job {escape(str(of['job']), 100)}" if of.get("job") else place


def _conflict(item: Mapping[str, object]) -> Row:
    of = item.get("of")
    texts = (escape(str(item.get(key) or "")) for key in ("prompt", "answer", "other"))
    return _number(item.get("line")), _of(of) if isinstance(of, Mapping) else "", *texts


def _figure(chart: Chart) -> JsonObject:
    first = chart.unit if chart.kind == "spread" else ""
    columns = [[f"{count:,}" for count in counts] for _, counts in chart.series]
    names = [name for name, _ in chart.series]
    return {
        "id": chart.id,
        "title": chart.title,
        "summary": chart.summary,
        "is_drawn": chart.is_drawn,
        "names": (first, *names),
        "numbers": names,
        "rows": list(zip(chart.labels, *columns, strict=True)),
    }


def _low(item: Mapping[str, object]) -> Row:
    score = f"{item.get('score') or 0:.2f}"
    return _number(item.get("line", item.get("row"))), score, escape(_parts(item.get("parts")), 300)


def _parts(found: object) -> str:
    if isinstance(found, Mapping):
        return ", ".join(f"{name} {value}" for name, value in found.items())
    return ", ".join(map(str, found)) if isinstance(found, list | tuple) else str(found or "")


def _facts(report: Report) -> Iterator[str]:
    """Yield what the foot of the page says; empty texts for what is not known."""
    source, formats = part(report, "source"), part(report, "formats")
    yield f"Job {escape(str(report['job']), 100)}" if report.get("job") else ""
    yield f"{count_of(source['size']):,} bytes" if source.get("size") else ""
    yield ", ".join(f"{escape(str(name), 40)}: {count:,}" for name, count in formats.items())
    yield f"read in {report['seconds']:.1f} s" if report.get("seconds") is not None else ""
    yield f"SHA-256 {escape(str(source['sha256']), 64)}" if source.get("sha256") else ""


def _chart_data(chart: Chart) -> JsonObject:
    return {
        "id": chart.id,
        "kind": chart.kind,
        "labels": chart.labels,
        "series": chart.series,
        "unit": chart.unit,
        "noun": "rows",
        "limit_at": chart.limit_at,
    }


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else "-"
