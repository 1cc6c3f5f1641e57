"""Reads rows of jobs by number, through an index of offsets; memory never holds their text."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from daemon.core.rows.examples import Example, RowForm, from_record
from daemon.core.rows.prefix import Prefix
from daemon.core.workspace.intake_reports import IntakeReport
from daemon.errors import RunFault
from daemon.folders.queue import reports
from daemon.folders.queue.queue import find_job
from daemon.layout import Layout
from daemon.layout_jobs import JobLayout


@dataclass(frozen=True)
class RowIndex:
    """One `train.jsonl` or `holdout.jsonl`: parallel arrays, one entry a row, by row number."""

    path: Path
    rows: np.ndarray
    offsets: np.ndarray
    tokens: np.ndarray
    lines: np.ndarray
    tune: np.ndarray
    """True for hold-out rows of the tune half."""

    @classmethod
    def scan(cls, path: Path) -> "RowIndex":
        """Index a file in one pass; a missing file has no rows."""
        found: list[tuple[int, int, int, int, bool]] = []
        if path.exists():
            with path.open("rb") as file:
                offset = 0
                for line in file:
                    record = json.loads(line)
                    half = record.get("half") == "tune"
                    found.append((record["row"], offset, record["tokens"], record["line"], half))
                    offset += len(line)
        found.sort()
        columns = np.array(found, dtype=np.int64).reshape(-1, 5).T
        rows, offsets, tokens, lines, tune = columns
        return cls(path, rows, offsets, tokens, lines, tune.astype(bool))

    def place(self, row: int) -> int | None:
        """Return where a row number stands in the arrays."""
        place = int(np.searchsorted(self.rows, row))
        return place if place < len(self.rows) and self.rows[place] == row else None

    def example(self, place: int) -> Example:
        """Read one row."""
        with self.path.open("rb") as file:
            file.seek(int(self.offsets[place]))
            record: RowForm = json.loads(file.readline())
        return from_record(record)


class JobRows:
    """The rows of every job that a run needs; each file is scanned at most once."""

    def __init__(self, layout: Layout, beside: Mapping[str, JobLayout] | None = None) -> None:
        """`beside` has rows that lie outside the queue, by the name used for them."""
        self.layout = layout
        self._beside = beside or {}
        self._indexes: dict[tuple[str, str], RowIndex] = {}

    def find(self, job: str) -> JobLayout:
        """Return a job's directory.

        Raises:
            RunFault: it is gone.
        """
        place = self._beside.get(job) or find_job(self.layout, job)
        if place is None:
            raise RunFault("job_missing", f"the job {job} is not in {self.layout.queue} any more")
        return place

    def has(self, job: str) -> bool:
        """Return whether a job still exists; the user may have removed it."""
        return find_job(self.layout, job) is not None

    def prefix(self, job: str) -> Prefix | None:
        """Return the prefix with which intake read a job and counted its tokens.

        Raises:
            RunFault: its report is gone.
        """
        return self._report(job).prefix

    def plain_form(self, job: str) -> str | None:
        """Return the form in which intake wrote what the template leaves out of a job's rows.

        Raises:
            RunFault: its report is gone.
        """
        return self._report(job).fingerprints.plain_form

    def _report(self, job: str) -> IntakeReport:
        place = self.find(job)
        report = reports.read(place)
        if report is None:
            message = f"{place.report} cannot be read; 'finetuned retrain {job}' rebuilds it"
            raise RunFault("report_missing", message)
        return report

    def train(self, job: str) -> RowIndex:
        """Return the training rows of a job."""
        return self._index(job, "train")

    def holdout(self, job: str) -> RowIndex:
        """Return the hold-out rows of a job."""
        return self._index(job, "holdout")

    def _index(self, job: str, kind: str) -> RowIndex:
        if (job, kind) not in self._indexes:
            place = self.find(job)
            path = place.train if kind == "train" else place.holdout
            self._indexes[job, kind] = RowIndex.scan(path)
        return self._indexes[job, kind]

    def example(self, job: str, row: int, kind: str) -> Example:
        """Read one row of a job.

        Raises:
            RunFault: the row is not in the file any more.
        """
        index = self._index(job, kind)
        place = index.place(row)
        if place is None:
            raise RunFault("row_missing", f"row {row} is not in {index.path} any more")
        return index.example(place)
