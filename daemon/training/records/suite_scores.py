"""`suite_scores.json` of a version: what it hands on of the suite scores of its lineage."""

import json
from pathlib import Path

from daemon.core.records import from_json_value
from daemon.core.training.suite_scores import LineageScores

SCORES = "suite_scores.json"


def read_scores(version: Path) -> LineageScores:
    """Return what a version hands on; nothing from releases that did not keep it."""
    path = version / SCORES
    if not path.exists():
        return LineageScores()
    return from_json_value(json.loads(path.read_bytes()), LineageScores).sealed_as(version.name)
