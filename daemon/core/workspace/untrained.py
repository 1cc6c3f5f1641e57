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

    def __or__(self, other: "Untrained") -> "Untrained":
        return Untrained(self.rows | other.rows, self.lines | other.lines)

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
    found = _set_aside(manifest)
    for job, codes in _dropped(manifest).items():
        rows = frozenset(row for by in codes.values() for row in by)
        found[job] = found.get(job, Untrained()) | Untrained(rows)
    return {job: found[job] for job in manifest["job_ids"] if job in found}


def spoiled_in(manifest: Mapping[str, Any]) -> dict[str, Untrained]:
    """Return rows of other jobs that the run of a version replayed and had to put aside."""
    own = manifest["job_ids"]
    return {job: rows for job, rows in _set_aside(manifest).items() if job not in own}


def left_empty_in(manifest: Mapping[str, Any]) -> frozenset[str]:
    """Return the jobs of a version's run that had new rows, of which none could be trained."""
    aside = {record["job"] for record in manifest.get("rows_set_aside") or ()}
    dropped = {job for job, codes in _dropped(manifest).items() if set(codes) - {"duplicate_seen"}}
    counts = manifest.get("rows_by_job") or {}
    return frozenset(job for job in aside | dropped if counts.get(job) == 0)


def _dropped(manifest: Mapping[str, Any]) -> Mapping[str, Mapping[str, list[int]]]:
    return manifest.get("rows_dropped") or {}


def _set_aside(manifest: Mapping[str, Any]) -> dict[str, Untrained]:
    found: dict[str, Untrained] = {}
    for record in manifest.get("rows_set_aside") or ():
        named = "row" in record
        one = Untrained(
            frozenset({record["row"]} if named else ()),
            frozenset(() if named else {record["line"]}),
        )
        found[record["job"]] = found.get(record["job"], Untrained()) | one
    return found


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


def records_of(untrained: Mapping[str, Untrained]) -> dict[str, Any]:
    """Return plain JSON values, by job."""
    return {job: rows.as_record() for job, rows in untrained.items()}


def from_records(records: Mapping[str, Any]) -> dict[str, Untrained]:
    """Return what `records_of` gave."""
    return {job: Untrained.from_record(record) for job, record in records.items()}
