"""Rows of trained jobs that a lineage has not learned: left out before a run or put aside in it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self


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

    def __bool__(self) -> bool:
        return bool(self.rows or self.lines)

    def as_record(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"rows": sorted(self.rows), "lines": sorted(self.lines)}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return what `as_record` gave."""
        return cls(frozenset(record["rows"]), frozenset(record["lines"]))


def untrained_in(manifest: Mapping[str, Any]) -> dict[str, Untrained]:
    """Return what a version has not learned of its own jobs, as its manifest tells."""
    dropped: Mapping[str, Mapping[str, list[int]]] = manifest.get("rows_dropped") or {}
    rows = {job: {row for by in codes.values() for row in by} for job, codes in dropped.items()}
    lines: dict[str, set[int]] = {}
    for record in manifest.get("rows_set_aside") or ():
        if "row" in record:
            rows.setdefault(record["job"], set()).add(record["row"])
        else:
            lines.setdefault(record["job"], set()).add(record["line"])
    return {
        job: Untrained(frozenset(rows.get(job, ())), frozenset(lines.get(job, ())))
        for job in manifest["job_ids"]
        if rows.get(job) or lines.get(job)
    }


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


def records_of(untrained: Mapping[str, Untrained]) -> dict[str, Any]:
    """Return plain JSON values, by job."""
    return {job: rows.as_record() for job, rows in untrained.items()}


def from_records(records: Mapping[str, Any]) -> dict[str, Untrained]:
    """Return what `records_of` gave."""
    return {job: Untrained.from_record(record) for job, record in records.items()}
