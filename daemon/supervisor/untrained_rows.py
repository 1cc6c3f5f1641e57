"""Adds the rows that a run did not train to the `rejected.jsonl` of their job, as the job ends."""

from collections.abc import Iterable, Mapping

from daemon.core.decisions.snapshot import RunOnDisk, Snapshot
from daemon.folders.runs import left_out
from daemon.supervisor.workspace import Workspace


def report_untrained(workspace: Workspace, job: str, seen: Snapshot) -> None:
    """Merge the current run's records of untrained rows into a job's `rejected.jsonl`."""
    if seen.run is not None:
        rejected = workspace.layout.job("running", job).rejected
        left_out.lay_over(rejected, _records(workspace, job, seen, seen.run))


def _records(
    workspace: Workspace, job: str, seen: Snapshot, run: RunOnDisk
) -> Iterable[Mapping[str, object]]:
    sealed = next((v.version for v in seen.versions.values() if v.run == run.run), None)
    if sealed is None:
        return left_out.read(workspace.layout.run(run.run).folder, job)
    version = workspace.layout.version(sealed)
    if (version / left_out.NAME).exists():
        return left_out.read(version, job)
    # A version drafted by an earlier release has them in its manifest only.
    return workspace.models.skipped_rows(sealed, job)
