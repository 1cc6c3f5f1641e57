"""Formats findings as a Markdown table to paste into an issue."""

from collections.abc import Iterable

from daemon.reports.markdown import plain
from daemon.self_check.finding import CheckRow, State

HEAD = ("| state | check | found | seconds |", "| --- | --- | --- | --- |")


def row(finding: CheckRow) -> str:
    """Return a line of the table."""
    found = plain(" ".join(finding.found.split()))
    return f"| {finding.state} | {finding.check} | {found} | {finding.seconds:.1f} |"


def verdict(findings: Iterable[CheckRow]) -> str:
    """Return the summary below the table."""
    listed = list(findings)
    wrong, left_out = named(listed, "wrong"), named(listed, "left out")
    words = f"wrong: {', '.join(wrong)}" if wrong else "nothing is wrong"
    return f"{words}; left out: {', '.join(left_out)}" if left_out else words


def named(findings: Iterable[CheckRow], state: State) -> list[str]:
    """Return the names of the checks with a state."""
    return [finding.check for finding in findings if finding.state == state]
