"""Why a version is what it is, put together from what was written down of it; measures nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

from daemon.core.rows.prefix import Prefix

OWN, EARLIER = "own_holdout", "earlier_holdout"
CANDIDATE = "candidate"

Record = Mapping[str, Any]


def explain(
    manifest: Record,
    report: Record | None,
    files: Mapping[str, Record | None],
    misfits: Sequence[Record] = (),
) -> dict[str, Any]:
    """Return the explanation as plain JSON values.

    `report` is the version's own, `files` has by job its name and the row counts of its intake;
    None for what is gone. Figures that older versions did not keep are null. `misfits` are the
    saved settings that this release reads otherwise.
    """
    evaluations = manifest.get("evaluations") or {}
    parent = manifest["parent"]
    tests = (manifest.get("judgement") or {}).get("tests", [])
    return {
        "version": manifest["version"],
        "parent": parent,
        "run": manifest["run"],
        "created_at": manifest["created_at"],
        "verdict": {
            "kind": manifest["verdict"],
            "promotes": manifest["promotes"],
            "reasons": manifest["verdict_reasons"],
            "compared_with": list(dict.fromkeys(test["against"] for test in tests)),
        },
        "files": [_file(job, manifest, evaluations, files.get(job)) for job in manifest["job_ids"]],
        "earlier_files": [
            {
                "job": job,
                "name": (files.get(job) or {}).get("name"),
                **_measured(evaluations, EARLIER, job, parent),
            }
            for job in _jobs_of(evaluations, EARLIER)
        ],
        "tests": tests,
        "scores": _scores(report, parent),
        "changed": (report or {}).get("changed"),
        "replay": manifest.get("replay"),
        "settings": list(misfits),
        "provenance": _provenance(manifest),
    }


def earlier_jobs(manifest: Record) -> list[str]:
    """Return the jobs of earlier runs on whose hold-outs the version was measured."""
    return _jobs_of(manifest.get("evaluations") or {}, EARLIER)


def _jobs_of(evaluations: Record, of_set: str) -> list[str]:
    found: Record = ((evaluations.get("loss") or {}).get(of_set) or {}).get("jobs") or {}
    return list(found)


def _file(job: str, manifest: Record, evaluations: Record, known: Record | None) -> dict[str, Any]:
    rows = (known or {}).get("rows") or {}
    aside = [row for row in manifest.get("rows_set_aside", []) if row["job"] == job]
    return {
        "job": job,
        "name": (known or {}).get("name"),
        "rows": {
            "read": rows.get("read"),
            "trained": (manifest.get("rows_by_job") or {}).get(job),
            "held_out": rows.get("holdout"),
            "refused": rows.get("rejected"),
            "set_aside": len(aside),
        },
        **_measured(evaluations, OWN, job, parent=manifest["parent"]),
    }


def _measured(evaluations: Record, of_set: str, job: str, parent: str) -> dict[str, Any]:
    """Return loss and right answers on a job's hold-out, before and after."""
    whole = (evaluations.get("loss") or {}).get(of_set) or {}
    loss = (whole.get("jobs") or {}).get(job)
    answers = (evaluations.get("answers_by_job") or {}).get(job)
    return {
        "loss": None
        if loss is None
        else {
            "items": loss["items"],
            "before": loss["models"].get(parent),
            "after": loss["models"].get(CANDIDATE),
        },
        "right": None
        if answers is None
        else {
            "items": answers["items"],
            "before": answers["right"].get(parent),
            "after": answers["right"].get(CANDIDATE),
        },
    }


def _scores(report: Record | None, parent: str) -> list[dict[str, Any]]:
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


def _provenance(manifest: Record) -> dict[str, Any]:
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
    metrics = manifest.get("metrics") or {}
    prefix = Prefix.from_record(manifest.get("prefix"))
    return {key: manifest.get(key) for key in known} | {
        "base": manifest["base"].get("name"),
        "base_fingerprint": manifest["base"].get("fingerprint"),
        "prefix": None if prefix is None else prefix.name,
        "tokens": metrics.get("tokens"),
        "supervised_tokens": metrics.get("supervised_tokens"),
        "tokens_per_s": metrics.get("tokens_per_s"),
        "peak_bytes": metrics.get("peak_bytes"),
    }
