"""Builds the rows of the ledger from job cards, run records and manifests.

The daemon writes these rows as things happen and a rebuild writes them from the folders: both use
these functions, so that their rows cannot differ.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from daemon.core.decisions.actions import RunOutcome
from daemon.core.evaluation.reports import MeanFigures
from daemon.core.evaluation.results import EvaluationResult
from daemon.core.records import to_json_value
from daemon.core.training.manifests import Manifest
from daemon.core.training.run_requests import RunRecord, RunRequest
from daemon.core.workspace.jobs import JobCard, escape

PROMOTED = "seen in its manifest, not as it happened"


class LedgerRow(NamedTuple):
    """A row and the table it belongs to; keys are columns."""

    table: str
    values: Mapping[str, object]


def job_row(card: JobCard) -> LedgerRow:
    """Return the row of a job from its current card."""
    return LedgerRow(
        "jobs",
        {
            "job": card.job,
            "name": escape(card.name),
            "priority": card.priority,
            "claimed_at": card.claimed_at,
            "ended_at": card.ended_at,
            "outcome": card.outcome,
            "reason": card.reason,
            "version": card.version,
        },
    )


def run_record(
    request: RunRequest,
    version: str | None = None,
    outcome: RunOutcome | None = None,
    ended_at: str | None = None,
) -> RunRecord:
    """Return what stays of a run, with how and when (UTC) it ended, if it has."""
    return RunRecord(
        run=request.run,
        started_at=request.created_at,
        ended_at=ended_at,
        start_version=request.start_version,
        jobs=request.jobs,
        outcome=outcome,
        version=version,
    )


def run_record_of(manifest: Manifest) -> RunRecord:
    """Return what a version's manifest tells of its run; when it began is not known."""
    assert manifest.run is not None, "an untouched base has no run"
    return RunRecord(
        run=manifest.run,
        started_at=None,
        ended_at=manifest.created_at,
        start_version=manifest.parent,
        jobs=manifest.job_ids,
        outcome="trained",
        version=manifest.version,
    )


def run_row(record: RunRecord) -> LedgerRow:
    """Return the row of a run."""
    columns = ("run", "started_at", "ended_at", "start_version", "outcome", "version")
    values = {column: getattr(record, column) for column in columns}
    return LedgerRow("runs", values | {"jobs": list(record.jobs)})


def version_row(manifest: Manifest) -> LedgerRow:
    """Return the row of a version."""
    record = to_json_value(manifest)
    same = ("version", "parent", "lineage", "run", "created_at", "step", "verdict")
    return LedgerRow(
        "versions",
        {
            **{column: record[column] for column in same},
            "reasons": record["verdict_reasons"],
            "metrics": record.get("metrics") or {},
            "evaluations": record.get("evaluations") or {},
        },
    )


def promotion_row(at: str | None, version: str, previous: str | None, why: str) -> LedgerRow:
    """Return the row of a promotion; `at` is None if the time is unknown."""
    return LedgerRow("promotions", {"at": at, "version": version, "previous": previous, "why": why})


def evaluation_row(
    at: str, run: str, step: int, validation_loss: float | None, right: int, items: int
) -> LedgerRow:
    """Return the row of an evaluation during a run; the loss is in nats per token."""
    values = {"at": at, "run": run, "step": step, "validation_loss": validation_loss}
    return LedgerRow("evaluations", values | {"right": right, "items": items})


def score_rows(result: EvaluationResult) -> list[LedgerRow]:
    """Return the rows of an evaluation by hand: one for each subject and suite.

    Raises:
        KeyError: not the result of an evaluation.
    """
    speeds = {one["name"]: one for one in result["subjects"]}
    return [
        LedgerRow(
            "scores",
            {
                "evaluation": result["evaluation"],
                "at": result["ended_at"],
                "suite": suite["name"],
                "sha256": suite["sha256"],
                "subject": name,
                "metric": suite["metric"],
                "mean": _mean(found["metrics"].get(suite["metric"])),
                "right": found["right"][0],
                "items": found["items"],
                "tokens_per_s": speeds[name]["tokens_per_s"],
                "peak_bytes": speeds[name]["peak_bytes"],
            },
        )
        for suite in result["suites"]
        for name, found in suite["models"].items()
    ]


def _mean(figures: MeanFigures | None) -> float | None:
    return None if figures is None else figures["mean"]


def known_promotions(
    manifests: Iterable[Manifest], current: str | None, remembered: Collection[str]
) -> list[LedgerRow]:
    """Return promotions that must have happened, except those of versions in `remembered`.

    A version was certainly promoted if it is current or a run started from it. One whose verdict
    did not promote was promoted by the user, at an unknown time.
    """
    listed = list(manifests)
    certain = {current, *(manifest.parent for manifest in listed)} - set(remembered)
    return [
        promotion_row(
            manifest.created_at if manifest.promotes else None,
            manifest.version,
            manifest.parent,
            PROMOTED,
        )
        for manifest in listed
        if manifest.version in certain
    ]
