"""Texts of users and models as the dashboard sends them: escaped and bounded."""

from daemon.core.workspace.jobs import escape

LONGEST = 600
"""Characters of an answer; the rest is an ellipsis."""


def escape_lines(text: str) -> str:
    """Return untrusted text escaped and bounded, with its line ends."""
    return "\n".join(escape(line, LONGEST) for line in text[:LONGEST].split("\n")) + (
        "…" if len(text) > LONGEST else ""
    )
