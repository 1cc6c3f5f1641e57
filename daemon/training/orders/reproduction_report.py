"""Renders the result of a reproduction as Markdown."""

from daemon.core.evaluation.results import ReproductionResult
from daemon.reports.rendering import render
from daemon.settings_records import WORDS


def page(result: ReproductionResult) -> str:
    """Return the report as Markdown."""
    return render("reproduction.md", result=result, words=WORDS)
