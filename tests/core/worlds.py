"""Snapshots for tests of decisions: a quiet daemon, changed in the one thing a test is about."""

from dataclasses import replace
from typing import Any

from daemon.core.decisions.commands import Command
from daemon.core.decisions.promotion import Gate
from daemon.core.decisions.snapshot import (
    Attempts,
    Base,
    Candidate,
    DecisionSettings,
    RunOnDisk,
    Snapshot,
)
from daemon.core.training.judgement import Judgement
from daemon.core.workspace.jobs import Intake, JobCard, Queued, Running
from daemon.core.workspace.versions import AdapterSpec, Version
from tests.manifests import BASE

ADAPTER = AdapterSpec("lora", 16, 2.0, 0.0, 16, ())
FACTS = BASE
LIMITS = DecisionSettings(
    gather_rows=64,
    idle_s=300.0,
    silent_s=600.0,
    release_s=300.0,
    intake_silent_s=600.0,
    adapter=ADAPTER,
    keep_versions=20,
    keep_moments=3,
    keep_backups=3,
)


def version(number: int, parent: int | None = None, **changes: Any) -> Version:
    plain = Version(
        version=f"v{number:06d}",
        parent=None if parent is None else f"v{parent:06d}",
        lineage="v000000",
        run=None if parent is None else f"r{number:06d}",
        job_ids=() if parent is None else (f"{number:06d}-job",),
        step=10 * number,
        verdict="base" if parent is None else "promote",
        promotes=True,
        base=FACTS,
        adapter=None if parent is None else ADAPTER,
        created_at="2026-01-01T00:00:00+00:00",
    )
    return replace(plain, **changes)


def quiet(**changes: Any) -> Snapshot:
    base = version(0)
    plain = Snapshot(
        limits=LIMITS,
        base=Base("tiny", "tiny", "f", "tok", "tpl"),
        versions={base.version: base},
        complete=frozenset({base.version}),
        current=base.version,
    )
    return replace(plain, **changes)


def card(number: int, **changes: Any) -> JobCard:
    plain = JobCard(f"{number:06d}-job", number, "normal", "job.jsonl", "2026-01-01T00:00:00+00:00")
    return replace(plain, **changes)


def intake(rows: int = 10, **changes: Any) -> Intake:
    return replace(Intake("accepted", "", "", rows, 1, "tok", "tpl"), **changes)


def queued(number: int, rows: int = 10, **changes: Any) -> Queued:
    found = intake(rows)
    return Queued(card(number, intake=found, **changes), found)


def running(*numbers: int) -> tuple[Running, ...]:
    return tuple(Running(card(number, intake=intake())) for number in numbers)


def run(*numbers: int, **changes: Any) -> RunOnDisk:
    plain = RunOnDisk(
        run="r000007",
        start_version="v000000",
        jobs=tuple(f"{number:06d}-job" for number in numbers),
        frozen_ns=1_000,
        attempts=Attempts(),
        candidate=None,
        ended=None,
        skip=None,
    )
    return replace(plain, **changes)


def candidate(*numbers: int) -> Candidate:
    rows = {f"{number:06d}-job": 5 for number in numbers}
    return Candidate(Judgement(True, True, ()), rows, Gate(0.05, 0.01, 0.02, "promote"))


def command(word: str, content: str = "", created_ns: int = 2_000) -> Command:
    return Command(f"1-new-{word}", word, content, created_ns, 1, False)
