"""`suite_scores.json` of a version: what it hands on of the suite scores of its lineage."""

from pathlib import Path

from daemon.core.training.suite_scores import LineageScores
from daemon.folders.disk.record_files import read_record

SCORES = "suite_scores.json"


def read_scores(version: Path) -> LineageScores:
    """Return what a version hands on; nothing from releases that did not keep it."""
    path = version / SCORES
    if not path.exists():
        return LineageScores()
    return read_record(path, LineageScores).sealed_as(version.name)
