"""Rows of trained jobs that a lineage has not learned: left out before a run or put aside in it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from daemon.core.records import JsonObject


@dataclass(frozen=True)
class Untrained:
    """Rows of one job."""

    rows: frozenset[int] = frozenset()
    lines: frozenset[int] = frozenset()
    """Lines of the dropped file of which no row was learned; older manifests name only these."""

    def has(self, row: int, line: int) -> bool:
        """Return whether a row, which stands in a line of the dropped file, is one of them."""
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

    Each version is given by its jobs and by what it has not learned of them. Of a job that was
    trained again, what any of its versions has learned is learned.
    """
    found: dict[str, Untrained] = {}
    for jobs, untrained in versions:
        for job in jobs:
            mine = untrained.get(job, Untrained())
            found[job] = found[job] & mine if job in found else mine
    return {job: rows for job, rows in found.items() if rows}


def together(parts: Iterable[Mapping[str, Untrained]]) -> dict[str, Untrained]:
    """Return the rows that any of some parts names."""
    found: dict[str, Untrained] = {}
    for part in parts:
        for job, rows in part.items():
            found[job] = found.get(job, Untrained()) | rows
    return found


def records_of(untrained: Mapping[str, Untrained]) -> JsonObject:
    """Return plain JSON values by job, the numbers in their order: a set has none."""
    return {
        job: {"rows": sorted(one.rows), "lines": sorted(one.lines)}
        for job, one in untrained.items()
    }
