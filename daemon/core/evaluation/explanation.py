"""Explains a version from its records: files, rows, losses, scores, reasons, provenance."""

from collections.abc import Mapping, Sequence
from typing import Any

from daemon.core.records import to_json_value
from daemon.core.training.evaluations import Evaluations
from daemon.core.training.manifests import Manifest

OWN, EARLIER = "own_holdout", "earlier_holdout"
CANDIDATE = "candidate"

Record = Mapping[str, Any]


def explain(
    manifest: Manifest,
    report: Record | None,
    files: Mapping[str, Record | None],
    misfits: Sequence[Record] = (),
) -> dict[str, Any]:
    """Return the explanation as plain JSON values.

    `report` is the version's own, `files` has by job its name and the row counts of its intake;
    None for what was removed. Figures that older versions did not record are null. `misfits` are
    the saved settings that this release reads differently.
    """
    evaluations, parent = manifest.evaluations, manifest.parent
    tests = () if manifest.judgement is None else manifest.judgement.comparisons
    record = to_json_value(manifest)
    return {
        "version": manifest.version,
        "parent": parent,
        "run": manifest.run,
        "created_at": manifest.created_at,
        "verdict": {
            "kind": manifest.verdict,
            "promotes": manifest.promotes,
            "reasons": list(manifest.verdict_reasons),
            "compared_with": list(dict.fromkeys(test.against for test in tests)),
        },
        "files": [_file(job, manifest, files.get(job)) for job in manifest.job_ids],
        "earlier_files": [
            {
                "job": job,
                "name": (files.get(job) or {}).get("name"),
                **_measured(evaluations, EARLIER, job, parent),
            }
            for job in earlier_jobs(manifest)
        ],
        "tests": (record.get("judgement") or {}).get("tests", []),
        "scores": _scores(report, parent),
        "changed": (report or {}).get("changed"),
        "replay": record.get("replay"),
        "settings": list(misfits),
        "provenance": _provenance(manifest, record),
    }


def earlier_jobs(manifest: Manifest) -> list[str]:
    """Return the jobs of earlier runs whose hold-outs the version was measured on."""
    return list(manifest.evaluations.loss_of(EARLIER).jobs)


def _file(job: str, manifest: Manifest, known: Record | None) -> dict[str, Any]:
    rows = (known or {}).get("rows") or {}
    skipped = [row for row in manifest.rows_set_aside if row.job == job]
    return {
        "job": job,
        "name": (known or {}).get("name"),
        "rows": {
            "read": rows.get("read"),
            "trained": manifest.rows_by_job.get(job),
            "held_out": rows.get("holdout"),
            "refused": rows.get("rejected"),
            "set_aside": len(skipped),
        },
        **_measured(manifest.evaluations, OWN, job, manifest.parent),
    }


def _measured(
    evaluations: Evaluations, of_set: str, job: str, parent: str | None
) -> dict[str, Any]:
    """Return loss and right answers on a job's hold-out, before and after."""
    loss = evaluations.loss_of(of_set).jobs.get(job)
    answers = evaluations.answers_by_job.get(job)
    return {
        "loss": None
        if loss is None
        else {
            "items": loss.items,
            "before": loss.models.get(parent or ""),
            "after": loss.models.get(CANDIDATE),
        },
        "right": None
        if answers is None
        else {
            "items": answers.items,
            "before": answers.right.get(parent or ""),
            "after": answers.right.get(CANDIDATE),
        },
    }


def _scores(report: Record | None, parent: str | None) -> list[dict[str, Any]]:
    """Return every mean of every set, before and after; the main metric of a set comes first."""
    found = []
    for name, one in ((report or {}).get("answers") or {}).items():
        before, after = one["models"].get(parent), one["models"].get(CANDIDATE)
        if before is None or after is None:
            continue
        for metric in sorted(after["metrics"], key=lambda known: (known != one["metric"], known)):
            old = (before["metrics"].get(metric) or {}).get("mean")
            new = (after["metrics"].get(metric) or {}).get("mean")
            change = None if old is None or new is None else new - old
            found.append(
                {
                    "set": name,
                    "metric": metric,
                    "items": after["items"],
                    "before": old,
                    "after": new,
                    "change": change,
                    "main": metric == one["metric"],
                }
            )
    return found


def _provenance(manifest: Manifest, record: Record) -> dict[str, Any]:
    known = (
        "git_commit",
        "git_dirty",
        "libraries",
        "platform",
        "seeds",
        "data_fingerprint",
        "duration_s",
        "phases",
        "energy",
        "plain_form",
        "start_moments",
        "step",
        "step_in_run",
    )
    metrics = manifest.metrics
    return {key: record.get(key) for key in known} | {
        "base": manifest.base.name,
        "base_fingerprint": manifest.base.fingerprint,
        "prefix": None if manifest.prefix is None else manifest.prefix.name,
        "tokens": metrics.tokens,
        "supervised_tokens": metrics.supervised_tokens,
        "tokens_per_s": metrics.tokens_per_s,
        "peak_bytes": metrics.peak_bytes,
    }
