"""Rebuilds the ledger from jobs, runs and versions."""

import sqlite3
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from daemon.clock import Clock
from daemon.core.evaluation.results import EvaluationResult
from daemon.core.status.ledger_rows import (
    LedgerRow,
    job_row,
    known_promotions,
    run_record_of,
    run_row,
    score_rows,
    version_row,
)
from daemon.core.workspace.orders import EVALUATION
from daemon.errors import UserFault
from daemon.folders.models import current_model
from daemon.folders.models.models import Models
from daemon.folders.orders import orders
from daemon.folders.queue import ledger
from daemon.folders.queue.queue import read_cards
from daemon.folders.runs.run_requests import read_records
from daemon.layout import Layout


@dataclass(frozen=True)
class Rebuilt:
    """The result of a rebuild."""

    counts: dict[str, int]
    """Rows by table."""
    moved_to: Path | None
    """Where the old ledger was moved."""
    problems: tuple[str, ...]
    """What could not be read in the folders, a sentence each."""
    lost: str | None
    """What could not be restored, in a sentence; None if nothing is missing."""


def rebuild(layout: Layout, clock: Clock) -> Rebuilt:
    """Replace the ledger by a rebuilt one; the caller holds the workspace lock.

    Raises:
        DaemonFault: a newer version wrote the ledger or a job.
        UserFault: it cannot be written; the old ledger is still in place, or moved away.
    """
    remembered, why = ledger.rows_only_here(layout)
    rows, problems = _from_folders(layout, remembered)
    rows += remembered
    try:
        moved_to = ledger.replace(layout, rows, f"{clock.now():%Y%m%dT%H%M%S}")
    except (sqlite3.Error, OSError) as error:
        message = f"a new {layout.ledger} cannot be written ({error}): make room and try again"
        raise UserFault("ledger_not_written", message) from error
    counted = Counter(row.table for row in rows)
    tables = (*ledger.KEYS, *ledger.ONLY_HERE)
    counts = {table: counted[table] for table in tables}
    return Rebuilt(counts, moved_to, tuple(problems), _lost(why))


def _from_folders(layout: Layout, remembered: list[LedgerRow]) -> tuple[list[LedgerRow], list[str]]:
    cards, of_jobs = read_cards(layout)
    records, of_runs = read_records(layout)
    models = Models(layout)
    readable = models.versions()
    manifests = [m for m in models.manifests() if m.version in readable]
    sealed = {m.run: m for m in manifests if m.run is not None}
    records = [
        replace(one, version=sealed[one.run].version) if one.run in sealed else one
        for one in records
    ]
    known = {record.run for record in records}
    records += [run_record_of(sealed[run]) for run in sorted(set(sealed) - known)]
    promoted = {str(row.values["version"]) for row in remembered if row.table == "promotions"}
    rows = [
        *map(job_row, cards),
        *map(run_row, records),
        *map(version_row, manifests),
        *known_promotions(manifests, current_model.read(layout), promoted),
    ]
    scores, of_evaluations = _scores(layout)
    rows += scores
    left_out = [
        f"a version is left out, its manifest.json cannot be read: {problem}"
        for problem in models.unreadable
    ]
    return rows, [*of_jobs, *of_runs, *left_out, *of_evaluations]


def _scores(layout: Layout) -> tuple[list[LedgerRow], list[str]]:
    rows: list[LedgerRow] = []
    problems = []
    for name in orders.names(layout, EVALUATION):
        try:
            result = orders.read_result(layout.order(name), EvaluationResult)
            rows += [] if result is None else score_rows(result)
        except (OSError, ValueError, KeyError, TypeError) as error:
            problems.append(f"{name} is left out, its result.json cannot be read: {error!r}")
    return rows, problems


def _lost(why: str | None) -> str | None:
    if why is None:
        return None
    return (
        f"{why}: the answers to commands, the evaluations during runs, and promotions and "
        "rollbacks that the versions do not record are stored nowhere else and are lost"
    )
