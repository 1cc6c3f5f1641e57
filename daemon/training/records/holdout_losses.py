"""`holdout_losses.json`: the best hold-out losses of a lineage, passed from version to version."""

from pathlib import Path

from daemon.core.training.forgetting import LineageLosses, LossesFile
from daemon.folders.disk.record_files import read_record

LOSSES = "holdout_losses.json"


def read_losses(version: Path) -> LineageLosses:
    """Return the losses stored with a version; empty if its release did not measure them."""
    path = version / LOSSES
    if not path.exists():
        return LineageLosses()
    return LineageLosses.of_file(read_record(path, LossesFile), version.name)
