"""Makes the request of a run: everything the trainer is told before it makes its own choices."""

from daemon.core.decisions.snapshot import Snapshot
from daemon.core.records import from_json_value, to_json_value
from daemon.core.training.run_requests import RunRequest
from daemon.core.workspace.untrained import records_of
from daemon.core.workspace.versions import ancestry, jobs_of, last_proven, spoiled_of, untrained_of
from daemon.folders.models import bases
from daemon.settings import Settings
from daemon.settings_file import with_saved_own
from daemon.settings_records import to_record
from daemon.supervisor.parts import Parts


def make_request(parts: Parts, run: str, jobs: list[str], own: str, seen: Snapshot) -> RunRequest:
    """Return the content of `request.json` for jobs that begin at the current version."""
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
    record = {
        "schema_version": 1,
        "run": run,
        "created_at": parts.clock.now().isoformat(),
        "start_version": version.version,
        "jobs": jobs,
        "settings": to_record(settings),
        "base": to_json_value(base),
        "lineage_jobs": list(jobs_of(chain)),
        "untrained_rows": records_of(untrained_of(chain)),
        "spoiled_rows": records_of(spoiled_of(chain)),
        "holdout_jobs": [job for job in parts.queue.with_holdout() if job not in jobs],
        "proven_version": proven.version if proven is not None else version.version,
        "step": version.step,
        "seed": settings.training.seed,
    }
    return from_json_value(record, RunRequest)


def effective(settings: Settings, own: str) -> Settings:
    """Return the settings of a run: the job's own over the common ones."""
    return with_saved_own(settings, own).settings
