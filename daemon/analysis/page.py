"""Renders an intake report as a self-contained HTML page."""

from collections.abc import Iterable, Mapping
from typing import Any

from daemon.analysis.charts import Chart, Report, charts, part
from daemon.analysis.frame import document, figure, pictures
from daemon.analysis.markup import Html, element, join, table, text
from daemon.analysis.verdict import headline, remarks, sentence, why
from daemon.core.workspace.jobs import escape

VERDICTS = ("accepted", "refused", "nothing_new", "changed")


def render(report: Report) -> str:
    """Return the page of a report; what the report does not have the page leaves out."""
    drawn = charts(report)
    body = join(
        _header(report),
        element(
            "main",
            _remarks(report),
            _reasons(report),
            _conflicts(report),
            _private(report),
            pictures("Pictures", [_figure(chart) for chart in drawn]),
            _lowest(report),
            _boilerplate(report),
        ),
        _footer(report),
    )
    name = escape(str(report.get("name") or report.get("job") or "a file"), 200)
    return document(f"{headline(report)}: {name}", body, [_chart_data(chart) for chart in drawn])


def _header(report: Report) -> Html:
    verdict = str(report.get("verdict"))
    kind = verdict if verdict in VERDICTS else "changed"
    name = escape(str(report.get("name") or report.get("job") or "A file"), 200)
    reason = why(report)
    return element(
        "header",
        element("h1", text(name)),
        element("p", text(headline(report)), kind=f"verdict {kind}"),
        element("p", text(sentence(report)), kind="lead"),
        element("p", text(reason), kind="lead") if reason else "",
    )


def _remarks(report: Report) -> Html:
    sentences = remarks(report)
    if not sentences:
        return ""
    return element("ul", *(element("li", text(one)) for one in sentences), kind="remarks")


def _reasons(report: Report) -> Html:
    reasons = report.get("reasons") or []
    if not reasons:
        return ""
    title = "What to fix" if part(report, "rows").get("rejected") else "Rows that are not trained"
    return element("section", element("h2", title), *(_reason(reason) for reason in reasons))


def _reason(reason: Mapping[str, Any]) -> Html:
    count = int(reason.get("count") or 0)
    rows = f" {count:,} row{'' if count == 1 else 's'}"
    shown = [_example(example) for example in reason.get("examples") or []]
    return element(
        "article",
        element(
            "h3",
            element("code", text(escape(str(reason.get("code")), 60))),
            element("span", rows, kind="count"),
        ),
        element("p", text(escape(str(reason.get("hint") or ""), 500)), kind="hint"),
        table(("line", "why", "the row"), shown, (0,), stacked=True) if shown else "",
        kind="card reason",
    )


def _example(example: Mapping[str, Any]) -> tuple[str, ...]:
    of = example.get("of")
    message = escape(str(example.get("message") or ""), 300)
    if isinstance(of, Mapping) and _of(of) not in message:
        message = f"{message} ({_of(of)})" if message else _of(of)
    column = example.get("column")
    where = "" if column is None else f" (column {int(column):,})"
    sentences = message if "column" in message else message + where
    return _number(example.get("line")), sentences, escape(str(example.get("excerpt") or ""), 300)


def _of(of: Mapping[str, Any]) -> str:
    place = f"line {_number(of.get('line'))}"
    return f"{place} of job {escape(str(of['job']), 100)}" if of.get("job") else place


def _conflicts(report: Report) -> Html:
    found = part(report, "duplicates", "conflicts").get("examples") or []
    if not found:
        return ""
    rows = [
        (
            _number(item.get("line")),
            _of(item["of"]) if isinstance(item.get("of"), Mapping) else "",
            *(escape(str(item.get(key) or ""), 200) for key in ("prompt", "answer", "other")),
        )
        for item in found
    ]
    names = ("line", "against", "question", "answer", "other answer")
    shown = element("div", table(names, rows, (0,), stacked=True), kind="card")
    return element("section", element("h2", "Same question, other answer"), shown)


def _private(report: Report) -> Html:
    kinds = part(report, "secrets", "kinds")
    if not kinds:
        return ""
    rows = [(escape(str(kind), 60), f"{int(count):,}") for kind, count in kinds.items()]
    shown = element("div", table(("kind", "rows"), rows, (1,)), kind="card")
    sentences = element("p", "They are counted and never shown.", kind="soft")
    return element("section", element("h2", "Secrets and personal data"), sentences, shown)


def _figure(chart: Chart) -> Html:
    names = (chart.unit if chart.kind == "spread" else "", *(name for name, _ in chart.series))
    columns = [[f"{count:,}" for count in counts] for _, counts in chart.series]
    rows = list(zip(chart.labels, *columns, strict=True))
    return figure(chart.id, chart.title, chart.summary, names, rows, range(1, len(names)))


def _lowest(report: Report) -> Html:
    found = part(report, "quality").get("lowest") or []
    if not found:
        return ""
    rows = [
        (
            _number(item.get("line", item.get("row"))),
            f"{float(item.get('score') or 0):.2f}",
            escape(_parts(item.get("parts")), 300),
        )
        for item in found
    ]
    shown = element("div", table(("line", "score", "what costs it"), rows, (0, 1)), kind="card")
    return element("section", element("h2", "Rows of the lowest quality"), shown)


def _parts(found: Any) -> str:
    if isinstance(found, Mapping):
        return ", ".join(f"{name} {value}" for name, value in found.items())
    return ", ".join(map(str, found)) if isinstance(found, list | tuple) else str(found or "")


def _boilerplate(report: Report) -> Html:
    found = part(report, "duplicates").get("boilerplate") or []
    if not found:
        return ""
    sentences = "Most prompts share these words; they were left out before rows were compared."
    items = (element("li", element("code", text(escape(str(one), 200)))) for one in found)
    return element(
        "section",
        element("h2", "Shared text"),
        element("p", sentences, kind="soft"),
        element("ul", *items),
    )


def _footer(report: Report) -> Html:
    source, formats = part(report, "source"), part(report, "formats")
    facts: Iterable[str] = (
        f"Job {escape(str(report['job']), 100)}" if report.get("job") else "",
        f"{int(source['size']):,} bytes" if source.get("size") else "",
        ", ".join(f"{escape(str(name), 40)}: {count:,}" for name, count in formats.items()),
        f"read in {float(report['seconds']):.1f} s" if report.get("seconds") is not None else "",
        f"SHA-256 {escape(str(source['sha256']), 64)}" if source.get("sha256") else "",
    )
    return element("footer", element("p", text(" · ".join(fact for fact in facts if fact))))


def _chart_data(chart: Chart) -> dict[str, Any]:
    return {
        "id": chart.id,
        "kind": chart.kind,
        "labels": chart.labels,
        "series": chart.series,
        "unit": chart.unit,
        "noun": "rows",
        "limit_at": chart.limit_at,
    }


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else "-"
