"""Explains why a trained version is not used, and what the user can do about it."""

from daemon.core.decisions.snapshot import Snapshot
from daemon.core.workspace.versions import Version

SHOWN = 3
"""How many refused versions an alert names."""


def not_used(version: Version) -> str:
    """Return why a version is not used."""
    word = "refused" if version.verdict == "refuse" else "held"
    why = "; ".join(version.reasons) or version.verdict
    return f"{word}: {version.version} is not used: {why}"


def ways_to_use(version: Version) -> str:
    """Return what the user can do about a version that is not used."""
    return f"see 'finetuned explain {version.version}', {ways_to_go_on(version.version)}"


def ways_to_go_on(name: str = "V") -> str:
    """Return the ways out for the reader of a report; `V` where it has no name yet."""
    return (
        f"use it anyway with 'finetuned promote {name}', add more rows, change [gate] and run "
        "'finetuned retrain', or start over with 'finetuned lineage new'"
    )


def refused(snapshot: Snapshot) -> str | None:
    """Return which files were trained and refused since the current version; None if none was."""
    found = [
        version
        for version in snapshot.versions.values()
        if version.verdict == "refuse" and version.parent == snapshot.current
    ]
    if not found:
        return None
    newest = sorted(found, key=lambda version: version.number, reverse=True)
    sentences = [f"{', '.join(one.job_ids)} is {not_used(one)}" for one in newest[:SHOWN]]
    more = f"; and {len(newest) - SHOWN} more" if len(newest) > SHOWN else ""
    return "; ".join(sentences) + more + f"; {ways_to_use(newest[0])}"
