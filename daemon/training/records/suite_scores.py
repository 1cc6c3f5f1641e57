"""`suite_scores.json`: the best suite scores of a lineage, passed from version to version."""

from pathlib import Path

from daemon.core.training.suite_scores import LineageScores
from daemon.folders.disk.record_files import read_record

SCORES = "suite_scores.json"


def read_scores(version: Path) -> LineageScores:
    """Return the scores stored with a version; empty if its release did not store them."""
    path = version / SCORES
    if not path.exists():
        return LineageScores()
    return read_record(path, LineageScores).sealed_as(version.name)
