"""Renders a judgement's report as a self-contained HTML page."""

from daemon.evaluation.report import Report, shown
from daemon.reports.rendering import render as render_template

KINDS = {"promote": "accepted", "refuse": "refused"}


def render(report: Report) -> str:
    """Return the page; whatever a model or a user wrote is shown as text."""
    verdict = report["verdict"]["kind"]
    return render_template(
        "judgement.html",
        **shown(report),
        title=f"{verdict}: {report['title']}",
        kind=KINDS.get(verdict, "nothing_new"),
        drawn=(),
    )
