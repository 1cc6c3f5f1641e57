"""Renders a judgement's report as a self-contained HTML page."""

from daemon.evaluation.report import Report, shown
from daemon.reports.rendering import render as render_template

KINDS = {"promote": "accepted", "refuse": "refused"}
"""The verdicts that have a colour."""
HEADLINES = {
    "promote": "Proven better",
    "unproven": "No difference proven",
    "refuse": "Refused",
}
"""Of the verdicts; an audit's outcome is its own headline."""


def render(report: Report) -> str:
    """Return the page; whatever a model or a user wrote is shown as text."""
    verdict = report["verdict"]["kind"]
    headline = HEADLINES.get(verdict, verdict.capitalize())
    return render_template(
        "judgement.html",
        **shown(report),
        title=f"{headline}: {report['title']}",
        headline=headline,
        kind=KINDS.get(verdict, "nothing_new"),
        drawn=(),
    )
