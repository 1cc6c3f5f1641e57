"""Checks that a run can be repeated: start version, base model and rows are unchanged."""

from pathlib import Path

from daemon.core.training.manifests import Manifest
from daemon.errors import RunFault
from daemon.folders.models import bases, models
from daemon.layout import Layout
from daemon.settings_records import read_saved
from daemon.training.data.rows import JobRows
from daemon.training.engine.protocol import ADAPTER, MOMENTS
from daemon.training.records.choices import Choices, Request
from daemon.training.run.freeze import fingerprint_of
from daemon.training.run.opening import adapter_folder


def starting_folder(layout: Layout, start: str, manifest: Manifest) -> Path:
    """Return the directory of the starting version, or its backup, from which a run can begin.

    `manifest` is that of the version that came of the run.

    Raises:
        RunFault: there is none that is as it was then.
    """
    training = read_saved(manifest.settings).settings.training
    reset = training.carry_moments == "reset"
    needs_moments = manifest.start_moments != "fresh" and not reset
    problems = []
    for folder in (layout.version(start), layout.backups / start):
        if not folder.is_dir():
            continue
        why = _unfit(folder, start, needs_moments)
        if why is None:
            return folder
        problems.append(why)
    raise RunFault("start_unfit", problems[0] if problems else f"its start version {start} is gone")


def _unfit(folder: Path, start: str, needs_moments: bool) -> str | None:
    if not (folder / ADAPTER).exists():
        return f"the weights of {start}, where it started, were removed by the retention settings"
    problem = models.verify(folder)
    if problem is not None:
        return f"{folder} is damaged: {problem}"
    if not needs_moments or adapter_folder(folder) is None or (folder / MOMENTS).exists():
        return None
    return (
        f"the optimizer's moments of {start}, with which it started, were removed by the retention "
        "settings; a larger retention.moments keeps those of more versions, and an empty file "
        f"models/versions/{start}/pinned those of one version"
    )


def check(layout: Layout, request: Request, choices: Choices, rows: JobRows) -> None:
    """Check that base model and rows are those of the original run.

    Replayed rows have no fingerprint of their own: if their text changed, the steps differ.

    Raises:
        RunFault: they have changed or are gone.
    """
    base = bases.read_facts(layout, request.base.model)
    if base is None or base.fingerprint != request.base.fingerprint:
        why = f"the base model {request.base.model!r} is missing or has changed since the run"
        raise RunFault("base_changed", why)
    trained = {*request.jobs, *(job for job, _ in choices.replay)}
    held = {job for job, _ in (*choices.tune, *choices.samples)}
    gone = {job for job in trained if not (rows.has(job) and rows.find(job).train.exists())}
    gone |= {job for job in held if not (rows.has(job) and rows.find(job).holdout.exists())}
    if gone:
        names = ", ".join(sorted(gone))
        raise RunFault("rows_gone", f"the rows of {names} were removed from queue/")
    if fingerprint_of(request, rows, choices.examples) != choices.data_fingerprint:
        names = ", ".join(request.jobs)
        raise RunFault("rows_changed", f"the rows of {names} have changed since the run")
