"""`holdout_losses.json` of a version: what it hands on of the hold-out losses of its lineage."""

from pathlib import Path

from daemon.core.training.forgetting import LineageLosses, LossesFile
from daemon.folders.disk.record_files import read_record

LOSSES = "holdout_losses.json"


def read_losses(version: Path) -> LineageLosses:
    """Return what a version hands on; nothing from releases that did not measure it."""
    path = version / LOSSES
    if not path.exists():
        return LineageLosses()
    return LineageLosses.of_file(read_record(path, LossesFile), version.name)
