"""Explains a version from its records: files, rows, losses, scores, reasons, provenance."""

from collections.abc import Mapping, Sequence
from typing import Any

from daemon.core.evaluation.explained import (
    ExplainedFile,
    ExplainedProvenance,
    ExplainedScore,
    Explanation,
    JobFacts,
    MeasuredJob,
    SavedMisfit,
)
from daemon.core.evaluation.reports import JudgementReport, MeanFigures
from daemon.core.evaluation.set_names import EARLIER, OWN
from daemon.core.records import JsonObject, to_json_value
from daemon.core.training.evaluations import Evaluations
from daemon.core.training.manifests import Manifest, shortened_sentence

CANDIDATE = "candidate"


def explain(
    manifest: Manifest,
    report: JudgementReport | None,
    files: Mapping[str, JobFacts | None],
    misfits: Sequence[SavedMisfit] = (),
) -> Explanation:
    """Return the explanation as plain JSON values.

    `report` is the version's own, `files` has by job its name and the row counts of its intake;
    None for what was removed. Figures that older versions did not record are null. `misfits` are
    the saved settings that this release reads differently.
    """
    evaluations, parent = manifest.evaluations, manifest.parent
    tests = () if manifest.judgement is None else manifest.judgement.all_comparisons
    record = to_json_value(manifest)
    known = {job: about for job, about in files.items() if about is not None}
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
        "files": [_file(job, manifest, known.get(job)) for job in manifest.job_ids],
        "earlier_files": [
            {
                "job": job,
                "name": known[job]["name"] if job in known else None,
                **_measured(evaluations, EARLIER, job, parent),
            }
            for job in earlier_jobs(manifest)
        ],
        "tests": [to_json_value(test) for test in tests],
        "scores": _scores(report, parent),
        "changed": None if report is None else report.get("changed"),
        "replay": record.get("replay"),
        "settings": list(misfits),
        "notes": [shortened_sentence(manifest.rows_shortened)] if manifest.rows_shortened else [],
        "provenance": _provenance(manifest, record),
    }


def earlier_jobs(manifest: Manifest) -> list[str]:
    """Return the jobs of earlier runs whose hold-outs the version was measured on."""
    return list(manifest.evaluations.loss_of(EARLIER).jobs)


def _file(job: str, manifest: Manifest, known: JobFacts | None) -> ExplainedFile:
    rows = (known["rows"] if known is not None else None) or {}
    skipped = [row for row in manifest.rows_set_aside if row.job == job]
    return {
        "job": job,
        "name": None if known is None else known["name"],
        "rows": {
            "read": rows.get("read"),
            "trained": manifest.rows_by_job.get(job),
            "held_out": rows.get("holdout"),
            "refused": rows.get("rejected"),
            "set_aside": len(skipped),
            "shortened": sum(row.job == job for row in manifest.rows_shortened),
        },
        **_measured(manifest.evaluations, OWN, job, manifest.parent),
    }


def _measured(evaluations: Evaluations, of_set: str, job: str, parent: str | None) -> MeasuredJob:
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


def _scores(report: JudgementReport | None, parent: str | None) -> list[ExplainedScore]:
    """Return every mean of every set, before and after; the main metric of a set comes first."""
    found: list[ExplainedScore] = []
    answers = {} if report is None else report.get("answers") or {}
    for name, one in answers.items():
        before, after = one["models"].get(parent or ""), one["models"].get(CANDIDATE)
        if before is None or after is None:
            continue
        for metric in sorted(after["metrics"], key=lambda known: (known != one["metric"], known)):
            old, new = (_mean(side["metrics"].get(metric)) for side in (before, after))
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


def _mean(figures: MeanFigures | None) -> float | None:
    return None if figures is None else figures["mean"]


def _provenance(manifest: Manifest, record: JsonObject) -> ExplainedProvenance:
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
    provenance: Any = {key: record.get(key) for key in known} | {
        "base": manifest.base.name,
        "base_fingerprint": manifest.base.fingerprint,
        "prefix": None if manifest.prefix is None else manifest.prefix.name,
        "tokens": metrics.tokens,
        "supervised_tokens": metrics.supervised_tokens,
        "tokens_per_s": metrics.tokens_per_s,
        "peak_bytes": metrics.peak_bytes,
    }
    found: ExplainedProvenance = provenance
    return found
