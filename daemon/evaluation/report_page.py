"""Renders a judgement's report as a self-contained HTML page."""

from daemon.analysis.frame import document
from daemon.analysis.markup import Html, element, join, table, text
from daemon.core.workspace.jobs import escape, one_line
from daemon.evaluation.report import (
    CHANGES,
    SHOWN,
    SIDES,
    TEST_NAMES,
    Report,
    figures,
    tests_of,
)

KINDS = {"promote": "accepted", "refuse": "refused"}


def render(report: Report) -> str:
    """Return the page; whatever a model or a user wrote is shown as text."""
    verdict = report["verdict"]
    kind = KINDS.get(verdict["kind"], "nothing_new")
    names = ("set", "items", "figure", *report["models"])
    body = join(
        element(
            "header",
            element("h1", text(escape(str(report["title"]), 200))),
            element("p", text(verdict["kind"]), kind=f"verdict {kind}"),
            *(element("p", text(reason), kind="lead") for reason in verdict["reasons"]),
        ),
        element(
            "main",
            _section("Scores", table(names, figures(report), range(3, len(names)), stacked=True)),
            _section("Tests", table(TEST_NAMES, tests_of(report), (3, 4, 5, 6), stacked=True)),
            *(_changes(report, key, title) for key, title in CHANGES.items()),
        ),
    )
    return document(f"{verdict['kind']}: {report['title']}", body, ())


def _section(title: str, *content: Html) -> Html:
    return element("section", element("h2", text(title)), *content)


def _changes(report: Report, key: str, title: str) -> Html:
    items = report["changed"][key]
    if not items:
        return ""
    rows = [
        tuple(one_line(str(item[field])) for field in ("id", *SIDES.values()))
        for item in items[:SHOWN]
    ]
    return _section(f"{title}: {len(items)}", table(("id", *SIDES), rows, stacked=True))
