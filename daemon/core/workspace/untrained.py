"""Untrained rows of a lineage's jobs: left out before a run, or skipped in it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from daemon.core.records import JsonObject


@dataclass(frozen=True)
class Untrained:
    """Untrained rows of one job."""

    rows: frozenset[int] = frozenset()
    lines: frozenset[int] = frozenset()
    """Lines of the dropped file without a trained row; older manifests name only these."""

    def has(self, row: int, line: int) -> bool:
        """Return whether a row, from a line of the dropped file, is one of them."""
        return row in self.rows or line in self.lines

    def __and__(self, other: "Untrained") -> "Untrained":
        return Untrained(self.rows & other.rows, self.lines & other.lines)

    def __or__(self, other: "Untrained") -> "Untrained":
        return Untrained(self.rows | other.rows, self.lines | other.lines)

    def __bool__(self) -> bool:
        return bool(self.rows or self.lines)


def untrained_along(
    versions: Iterable[tuple[tuple[str, ...], Mapping[str, Untrained]]],
) -> dict[str, Untrained]:
    """Return what no version of a lineage has learned of its jobs.

    Each version is given by its jobs and its untrained rows of them. In a job that was trained
    again, a row counts as learned if any of its versions has learned it.
    """
    found: dict[str, Untrained] = {}
    for jobs, untrained in versions:
        for job in jobs:
            mine = untrained.get(job, Untrained())
            found[job] = found[job] & mine if job in found else mine
    return {job: rows for job, rows in found.items() if rows}


def together(parts: Iterable[Mapping[str, Untrained]]) -> dict[str, Untrained]:
    """Return the union of the untrained rows."""
    found: dict[str, Untrained] = {}
    for part in parts:
        for job, rows in part.items():
            found[job] = found.get(job, Untrained()) | rows
    return found


def records_of(untrained: Mapping[str, Untrained]) -> JsonObject:
    """Return plain JSON values by job, with the row numbers sorted."""
    return {
        job: {"rows": sorted(one.rows), "lines": sorted(one.lines)}
        for job, one in untrained.items()
    }
