"""Shows findings as a Markdown table that can be pasted into an issue."""

from collections.abc import Iterable

from daemon.self_check.finding import CheckRow

HEAD = ("| state | check | found | seconds |", "| --- | --- | --- | --- |")


def row(finding: CheckRow) -> str:
    """Return a line of the table."""
    found = " ".join(finding.found.split()).replace("|", "\\|")
    return f"| {finding.state} | {finding.check} | {found} | {finding.seconds:.1f} |"


def verdict(findings: Iterable[CheckRow]) -> str:
    """Return the sentence below the table."""
    named = [finding.check for finding in findings if finding.state == "wrong"]
    if not named:
        return "nothing is wrong"
    return f"wrong: {', '.join(named)}"
