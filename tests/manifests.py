"""Manifests and requests of runs, with all that every release has written in them."""

from typing import Any

from daemon.core.records import from_json_value, to_json_value
from daemon.core.training.manifests import Manifest
from daemon.core.training.run_requests import RunRequest
from daemon.core.workspace.bases import BaseFacts

BASE = BaseFacts("tiny", "tiny", "f", "tok", "tpl", "float32", "made", "llama", 1, 2048, 2)


def manifest_record(version: str = "v000001", **changes: Any) -> dict[str, Any]:
    """Return the record of a manifest as JSON values."""
    return {
        "schema_version": 1,
        "version": version,
        "parent": "v000000",
        "lineage": "v000000",
        "created_at": "2026-01-01T00:00:00+00:00",
        "run": "r000001",
        "job_ids": [],
        "step": 1,
        "verdict": "promote",
        "verdict_reasons": [],
        "promotes": True,
        "settings": {},
        "base": to_json_value(BASE),
        "adapter": None,
        "files": {},
        **changes,
    }


def manifest(version: str = "v000001", **changes: Any) -> Manifest:
    """Return a manifest."""
    return from_json_value(manifest_record(version, **changes), Manifest)


def run_request(run: str = "r000001", **changes: Any) -> RunRequest:
    """Return the request of a run."""
    record = {
        "schema_version": 1,
        "run": run,
        "created_at": "2026-01-01T00:00:00+00:00",
        "start_version": "v000000",
        "jobs": [],
        "settings": {},
        "base": to_json_value(BASE),
        "lineage_jobs": [],
        "holdout_jobs": [],
        "proven_version": "v000000",
        "step": 0,
        "seed": 7,
        **changes,
    }
    return from_json_value(record, RunRequest)
