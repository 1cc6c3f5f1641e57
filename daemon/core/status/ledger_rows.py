"""Builds the rows of the ledger from job cards, run records and manifests.

The daemon writes these rows as things happen and a rebuild writes them from the folders: both use
these functions, so that their rows cannot differ.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from daemon.core.decisions.actions import RunOutcome
from daemon.core.workspace.jobs import JobCard, escape

PROMOTED = "seen in its manifest, not as it happened"


class LedgerRow(NamedTuple):
    """A row and the table it belongs to; keys are columns."""

    table: str
    values: dict[str, Any]


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
    request: Mapping[str, Any],
    version: str | None = None,
    outcome: RunOutcome | None = None,
    ended_at: str | None = None,
) -> dict[str, Any]:
    """Return what stays of a run: its request's facts, and how and when (UTC) it ended, if it has.

    Raises:
        KeyError: not a request.
    """
    return {
        "run": request["run"],
        "started_at": request["created_at"],
        "ended_at": ended_at,
        "start_version": request["start_version"],
        "jobs": list(request["jobs"]),
        "outcome": outcome,
        "version": version,
    }


def run_record_of(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a version's manifest tells of its run; when it began is not known."""
    known = {
        "run": manifest["run"],
        "created_at": None,
        "start_version": manifest["parent"],
        "jobs": manifest["job_ids"],
    }
    return run_record(known, manifest["version"], "trained", manifest["created_at"])


def run_row(record: Mapping[str, Any]) -> LedgerRow:
    """Return the row of a run.

    Raises:
        KeyError: not a record of `run_record`.
    """
    columns = ("run", "started_at", "ended_at", "start_version", "jobs", "outcome", "version")
    return LedgerRow("runs", {column: record[column] for column in columns})


def version_row(manifest: Mapping[str, Any]) -> LedgerRow:
    """Return the row of a version.

    Raises:
        KeyError: not a manifest.
    """
    same = ("version", "parent", "lineage", "run", "created_at", "step", "verdict")
    return LedgerRow(
        "versions",
        {
            **{column: manifest[column] for column in same},
            "reasons": manifest["verdict_reasons"],
            "metrics": manifest.get("metrics") or {},
            "evaluations": manifest.get("evaluations") or {},
        },
    )


def promotion_row(at: str | None, version: str, previous: str | None, why: str) -> LedgerRow:
    """Return the row of a promotion; `at` is None where the time is unknown."""
    return LedgerRow("promotions", {"at": at, "version": version, "previous": previous, "why": why})


def evaluation_row(
    at: str, run: str, step: int, validation_loss: float | None, right: int, items: int
) -> LedgerRow:
    """Return the row of an evaluation during a run; the loss is in nats per token."""
    values = {"at": at, "run": run, "step": step, "validation_loss": validation_loss}
    return LedgerRow("evaluations", values | {"right": right, "items": items})


def score_rows(result: Mapping[str, Any]) -> list[LedgerRow]:
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
                "mean": (found["metrics"].get(suite["metric"]) or {}).get("mean"),
                "right": found["right"][0],
                "items": found["items"],
                "tokens_per_s": speeds[name]["tokens_per_s"],
                "peak_bytes": speeds[name]["peak_bytes"],
            },
        )
        for suite in result["suites"]
        for name, found in suite["models"].items()
    ]


def known_promotions(
    manifests: Iterable[Mapping[str, Any]], current: str | None, remembered: Collection[str]
) -> list[LedgerRow]:
    """Return promotions that must have happened, except those of versions in `remembered`.

    A version was certainly promoted if it is current or a run started from it. One whose verdict
    did not promote was promoted by the user, at an unknown time.
    """
    listed = list(manifests)
    certain = {current, *(manifest["parent"] for manifest in listed)} - set(remembered)
    return [
        promotion_row(
            manifest["created_at"] if manifest["promotes"] else None,
            manifest["version"],
            manifest["parent"],
            PROMOTED,
        )
        for manifest in listed
        if manifest["version"] in certain
    ]
