"""`queue/ledger.sqlite3`: people's memory of runs, versions, promotions and commands.

It decides nothing: every decision is made from folders, manifests and the link.
"""

import json
import sqlite3
from contextlib import suppress
from typing import Any

from daemon.errors import DaemonFault
from daemon.folders import atomic
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
"""


class Ledger:
    """One connection; a failed write is remembered, never raised, for nothing depends on it."""

    def __init__(self, layout: Layout) -> None:
        self._path = layout.ledger
        self._connection: sqlite3.Connection | None = None
        self.problem: str | None = None

    def open(self, stamp: str) -> str | None:
        """Open the ledger; one that cannot be read is set aside. Returns the new name of that one.

        Raises:
            DaemonFault: a newer version wrote it.
        """
        try:
            self._open()
            return None
        except sqlite3.DatabaseError as error:
            aside = self._path.with_name(f"{self._path.name}.corrupt-{stamp}")
            self.close()
            atomic.move(self._path, aside)
            for ending in ("-wal", "-shm"):
                atomic.remove_file(self._path.with_name(self._path.name + ending))
            self._open()
            return f"{aside.name} ({error})"

    def _open(self) -> None:
        self._connection = sqlite3.connect(self._path, isolation_level=None, timeout=1.0)
        self._connection.execute("pragma journal_mode = wal")
        self._connection.execute("pragma synchronous = normal")
        version = self._connection.execute("pragma user_version").fetchone()[0]
        if version > SCHEMA:
            raise DaemonFault(
                "ledger_newer",
                f"{self._path} was written by a newer finetuned (schema {version}, this one "
                f"reads {SCHEMA}): install that version again",
            )
        self._connection.executescript(TABLES)
        self._connection.execute(f"pragma user_version = {SCHEMA}")

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def put(self, table: str, row: dict[str, Any]) -> None:
        """Insert or complete a row; keys are columns, lists and dicts are stored as JSON."""
        columns = ", ".join(row)
        marks = ", ".join("?" for _ in row)
        updates = ", ".join(f"{name} = excluded.{name}" for name in row)
        key = {"jobs": "job", "runs": "run", "versions": "version"}.get(table)
        tail = f" on conflict({key}) do update set {updates}" if key else ""
        values = [json.dumps(v) if isinstance(v, list | dict | tuple) else v for v in row.values()]
        self._execute(f"insert into {table} ({columns}) values ({marks}){tail}", values)

    def put_version(self, manifest: dict[str, Any]) -> None:
        """Insert or complete the row of a version."""
        same = ("version", "parent", "lineage", "run", "created_at", "step", "verdict")
        row = {
            **{column: manifest[column] for column in same},
            "reasons": manifest["verdict_reasons"],
            "metrics": manifest.get("metrics") or {},
            "evaluations": manifest.get("evaluations") or {},
        }
        self.put("versions", row)

    def _execute(self, statement: str, values: list[Any]) -> None:
        if self._connection is None:
            return
        try:
            self._connection.execute(statement, values)
            self.problem = None
        except sqlite3.Error as error:
            self.problem = str(error)
