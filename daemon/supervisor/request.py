"""Builds the request of a run: everything the trainer needs to freeze its own choices."""

from typing import Any

from daemon.core.decisions.snapshot import Snapshot
from daemon.core.workspace.untrained import records_of
from daemon.core.workspace.versions import ancestry, jobs_of, last_proven, spoiled_of, untrained_of
from daemon.folders.models import bases
from daemon.settings import Settings
from daemon.settings_file import with_saved_own
from daemon.settings_records import to_record
from daemon.supervisor.parts import Parts


def make_request(
    parts: Parts, run: str, jobs: list[str], own: str, seen: Snapshot
) -> dict[str, Any]:
    """Return the contents of `request.json` for jobs to train from the current version."""
    version = seen.version
    assert version is not None
    saved = with_saved_own(parts.settings.now, own)
    settings = saved.settings
    if saved.misfits:
        message = f"{run}, own settings: {'; '.join(map(str, saved.misfits))}"
        parts.journal.event("own_settings", message, level="warning", run=run)
    base = bases.read_facts(parts.layout, settings.model)
    assert base is not None
    chain = ancestry(version.version, seen.versions)
    proven = last_proven(chain)
    return {
        "schema_version": 1,
        "run": run,
        "created_at": parts.clock.now().isoformat(),
        "start_version": version.version,
        "jobs": jobs,
        "settings": to_record(settings),
        "base": base.as_record(),
        "lineage_jobs": list(jobs_of(chain)),
        "untrained_rows": records_of(untrained_of(chain)),
        "spoiled_rows": records_of(spoiled_of(chain)),
        "holdout_jobs": [job for job in parts.queue.with_holdout() if job not in jobs],
        "proven_version": proven.version if proven is not None else version.version,
        "step": version.step,
        "seed": settings.training.seed,
    }


def effective(settings: Settings, own: str) -> Settings:
    """Return the settings of a run: the workspace's, overridden by the job's own."""
    return with_saved_own(settings, own).settings
