"""Renders what a reproduction found as Markdown."""

from collections.abc import Mapping
from typing import Any

from daemon.reports.rendering import render
from daemon.settings_records import WORDS


def page(result: Mapping[str, Any]) -> str:
    """Return the report as Markdown."""
    return render("reproduction.md", result=result, words=WORDS)
