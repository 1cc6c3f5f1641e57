"""The kernel panics that a Mac keeps reports of: the GPU's driver is known to end in them."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

REPORTS = Path("/Library/Logs/DiagnosticReports")


@dataclass(frozen=True)
class Panics:
    """What reports there are."""

    count: int
    newest: datetime | None


def kernel_panics(folder: Path = REPORTS) -> Panics:
    """Return how many reports lie there; 0 where there is no such folder, as off a Mac."""
    times = []
    for path in folder.glob("*.panic"):
        with suppress(OSError):
            times.append(path.stat().st_mtime)
    newest = datetime.fromtimestamp(max(times), UTC) if times else None
    return Panics(len(times), newest)
