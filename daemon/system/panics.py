"""Kernel panic reports of this Mac: the GPU's driver is known to cause panics."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

REPORTS = Path("/Library/Logs/DiagnosticReports")


@dataclass(frozen=True)
class Panics:
    """The number of panic reports and the time of the newest."""

    count: int
    newest: datetime | None


def kernel_panics(folder: Path = REPORTS) -> Panics:
    """Return the reports in a folder; none if the folder is missing, as off a Mac."""
    times = []
    for path in folder.glob("*.panic"):
        with suppress(OSError):
            times.append(path.stat().st_mtime)
    newest = datetime.fromtimestamp(max(times), UTC) if times else None
    return Panics(len(times), newest)
