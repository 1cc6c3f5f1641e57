"""`queue/ledger.sqlite3`: the history of jobs, runs, versions, promotions and commands.

It is for people only: every decision is made from folders, manifests and the link.
"""

import json
import os
import sqlite3
from collections.abc import Iterable
from contextlib import closing, suppress
from pathlib import Path

from daemon.core.status.ledger_rows import LedgerRow
from daemon.errors import DaemonFault
from daemon.folders.disk import atomic
from daemon.layout import Layout

SCHEMA = 1
TABLES = """
create table if not exists jobs (
    job text primary key, name text, priority text, claimed_at text, ended_at text,
    outcome text, reason text, version text);
create table if not exists runs (
    run text primary key, started_at text, ended_at text, start_version text, jobs text,
    outcome text, version text);
create table if not exists versions (
    version text primary key, parent text, lineage text, run text, created_at text, step integer,
    verdict text, reasons text, metrics text, evaluations text);
create table if not exists promotions (
    at text, version text, previous text, why text);
create table if not exists commands (
    at text, word text, content text, answer text, message text);
create table if not exists evaluations (
    at text, run text, step integer, validation_loss real, right integer, items integer);
create table if not exists scores (
    evaluation text, suite text, subject text, at text, sha256 text, metric text, mean real,
    right integer, items integer, tokens_per_s real, peak_bytes integer,
    primary key (evaluation, suite, subject));
"""
KEYS = {"jobs": "job", "runs": "run", "versions": "version", "scores": "evaluation, suite, subject"}
ONLY_HERE = {
    "promotions": ("at", "version", "previous", "why"),
    "commands": ("at", "word", "content", "answer", "message"),
    "evaluations": ("at", "run", "step", "validation_loss", "right", "items"),
}
"""Tables whose rows are stored nowhere else."""
DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class _DamageFault(sqlite3.DatabaseError):
    """A file that SQLite opens although it is not a complete ledger."""


class Ledger:
    """One connection; a failed write is noted, never raised, since nothing depends on it."""

    def __init__(self, layout: Layout) -> None:
        self._path = layout.ledger
        self._connection: sqlite3.Connection | None = None
        self.problem: str | None = None

    def open(self, stamp: str) -> str | None:
        """Open the ledger; a damaged one is moved away. Returns its new name and the reason.

        An intact one that cannot be opened now (locked, not writable) stays where it is: `problem`
        says so, and nothing is recorded.

        Raises:
            DaemonFault: a newer version wrote it.
        """
        try:
            self._open()
        except sqlite3.Error as error:
            self.close()
            if not _is_damage(self._path, error):
                self.problem = (
                    f"{self._path} cannot be opened ({error}): nothing is written there until "
                    "the next start"
                )
                return None
            moved = quarantine(self._path, "corrupt", stamp)
            self._open()
            return f"{moved.name} ({error})"
        return None

    def _open(self) -> None:
        if self._path.is_file() and self._path.stat().st_size == 0:
            raise _DamageFault("it has no bytes")
        self._connection = sqlite3.connect(self._path, isolation_level=None, timeout=1.0)
        _refuse_newer(self._connection, self._path)
        # A truncated file opens without an error and fails at some later row.
        found = self._connection.execute("pragma quick_check(1)").fetchone()[0]
        if found != "ok":
            raise _DamageFault(found)
        self._connection.execute("pragma journal_mode = wal")
        self._connection.execute("pragma synchronous = normal")
        _make_tables(self._connection)

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def put(self, row: LedgerRow) -> None:
        """Insert or complete a row; lists and dicts are stored as JSON."""
        self._execute(*_insertion(row))

    def forget_job(self, job: str) -> None:
        """Remove the row of a job that went back to the inbox."""
        self._execute("delete from jobs where job = ?", [job])

    def _execute(self, statement: str, values: list[object]) -> None:
        if self._connection is None:
            return
        try:
            self._connection.execute(statement, values)
            self.problem = None
        except sqlite3.Error as error:
            self.problem = str(error)


def rows_only_here(layout: Layout) -> tuple[list[LedgerRow], str | None]:
    """Return the rows that are stored only in the ledger, and why some are missing.

    Raises:
        DaemonFault: a newer version wrote it.
    """
    rows: list[LedgerRow] = []
    if not os.path.lexists(layout.ledger):
        return rows, "there was no ledger"
    try:
        uri = f"{layout.ledger.resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=1.0)) as connection:
            _refuse_newer(connection, layout.ledger)
            for table, columns in ONLY_HERE.items():
                for values in connection.execute(f"select {', '.join(columns)} from {table}"):
                    rows.append(LedgerRow(table, dict(zip(columns, values, strict=True))))
    except sqlite3.Error as error:
        return rows, f"the old ledger cannot be read ({error})"
    return rows, None


def replace(layout: Layout, rows: Iterable[LedgerRow], stamp: str) -> Path | None:
    """Replace the ledger by a new one with these rows, by one rename.

    Returns where the old one is now: it is neither overwritten nor removed. The caller holds the
    workspace lock.

    Raises:
        sqlite3.Error, OSError: the disk refused; the old ledger is in its place, or moved away.
    """
    moved = None
    with atomic.replacing(layout.ledger) as temporary:
        # Left by a dead process with the same id.
        atomic.remove_file(temporary)
        with closing(sqlite3.connect(temporary)) as connection:
            _make_tables(connection)
            with connection:
                for row in rows:
                    connection.execute(*_insertion(row))
        if os.path.lexists(layout.ledger):
            moved = quarantine(layout.ledger, "replaced", stamp)
    return moved


def quarantine(path: Path, why: str, stamp: str) -> Path:
    """Move a ledger and SQLite's files beside it out of the way; return its new path."""
    moved = path.with_name(f"{path.name}.{why}-{stamp}")
    number = 1
    while os.path.lexists(moved):
        number += 1
        moved = path.with_name(f"{path.name}.{why}-{stamp}-{number}")
    # Files beside it go first: next to a new ledger they would be taken for its own.
    for ending in ("-wal", "-shm", ""):
        source = path.with_name(path.name + ending)
        if ending and source.is_file() and (ending == "-shm" or source.stat().st_size == 0):
            # The index of `-wal`, which SQLite rebuilds, or an empty file.
            atomic.remove_file(source)
        elif os.path.lexists(source):
            atomic.move(source, moved.with_name(moved.name + ending))
    return moved


def _is_damage(path: Path, error: sqlite3.Error) -> bool:
    if isinstance(error, _DamageFault) or not path.is_file():
        return True
    # The low byte is the primary error code; the others refine it.
    return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in DAMAGED


def _refuse_newer(connection: sqlite3.Connection, path: Path) -> None:
    version = connection.execute("pragma user_version").fetchone()[0]
    if version > SCHEMA:
        raise DaemonFault(
            "ledger_newer",
            f"{path} was written by a newer finetuned (schema {version}, this one "
            f"reads {SCHEMA}): install that version again",
        )


def _make_tables(connection: sqlite3.Connection) -> None:
    connection.executescript(TABLES)
    connection.execute(f"pragma user_version = {SCHEMA}")


def _insertion(row: LedgerRow) -> tuple[str, list[object]]:
    columns = ", ".join(row.values)
    marks = ", ".join("?" for _ in row.values)
    updates = ", ".join(f"{name} = excluded.{name}" for name in row.values)
    key = KEYS.get(row.table)
    tail = f" on conflict({key}) do update set {updates}" if key else ""
    values = [
        json.dumps(value) if isinstance(value, list | dict | tuple) else value
        for value in row.values.values()
    ]
    return f"insert into {row.table} ({columns}) values ({marks}){tail}", values
