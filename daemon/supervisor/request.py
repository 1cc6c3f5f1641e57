"""Opens a run: builds its request, with everything the trainer needs to freeze its own choices."""

from daemon.core.decisions import actions as do
from daemon.core.decisions.snapshot import Snapshot
from daemon.core.records import from_json_value, to_json_value
from daemon.core.status.ledger_rows import run_record, run_row
from daemon.core.training.run_requests import RunRequest
from daemon.core.workspace.jobs import escape
from daemon.core.workspace.untrained import records_of
from daemon.core.workspace.versions import ancestry, jobs_of, last_proven, spoiled_of, untrained_of
from daemon.folders.models import bases
from daemon.settings import Settings
from daemon.settings_file import with_saved_own
from daemon.settings_records import to_record
from daemon.supervisor.journal import Journal
from daemon.supervisor.workspace import Workspace


def open_run(
    workspace: Workspace,
    journal: Journal,
    action: do.OpenRun,
    seen: Snapshot,
) -> None:
    """Open a run that trains jobs together, from the current version."""
    run = workspace.runs.take_name()
    saved = with_saved_own(workspace.settings.now, action.jobs[0].own_settings)
    if saved.misfits:
        message = f"{run}, own settings: {'; '.join(map(str, saved.misfits))}"
        journal.event("own_settings", message, level="warning", run=run)
    jobs = [card.job for card in action.jobs]
    request = make_request(workspace, saved.settings, run, jobs, journal.now(), seen)
    workspace.runs.open(request)
    names = ", ".join(escape(card.name) for card in action.jobs[:5])
    more = f" and {len(jobs) - 5} more" if len(jobs) > 5 else ""
    message = f"{run} trains {names}{more} from {request.start_version}"
    journal.event("run_opened", message, run=run, jobs=jobs)
    workspace.ledger.put(run_row(run_record(request)))


def make_request(
    workspace: Workspace, settings: Settings, run: str, jobs: list[str], at: str, seen: Snapshot
) -> RunRequest:
    """Return the contents of `request.json` for jobs to train from the current version."""
    version = seen.version
    assert version is not None
    base = bases.read_facts(workspace.layout, settings.model)
    assert base is not None
    chain = ancestry(version.version, seen.versions)
    proven = last_proven(chain)
    record = {
        "schema_version": 1,
        "run": run,
        "created_at": at,
        "start_version": version.version,
        "jobs": jobs,
        "settings": to_record(settings.with_rate(base.width)),
        "base": to_json_value(base),
        "lineage_jobs": list(jobs_of(chain)),
        "untrained_rows": records_of(untrained_of(chain)),
        "spoiled_rows": records_of(spoiled_of(chain)),
        "holdout_jobs": [job for job in workspace.queue.with_holdout() if job not in jobs],
        "proven_version": proven.version if proven is not None else version.version,
        "step": version.step,
        "seed": settings.training.seed,
    }
    return from_json_value(record, RunRequest)


def effective(settings: Settings, own: str) -> Settings:
    """Return the settings of a run: the workspace's, overridden by the job's own."""
    return with_saved_own(settings, own).settings
