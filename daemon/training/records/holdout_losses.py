"""`holdout_losses.json` of a version: what it hands on of the hold-out losses of its lineage."""

import json
from pathlib import Path

from daemon.core.training.forgetting import LineageLosses

LOSSES = "holdout_losses.json"


def read_losses(version: Path) -> LineageLosses:
    """Return what a version hands on; nothing from releases that did not measure it."""
    path = version / LOSSES
    if not path.exists():
        return LineageLosses()
    return LineageLosses.from_record(json.loads(path.read_bytes()), version.name)
