"""Builds the request of a sweep from a job, or from a file that does not become one."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from daemon.cli.files.examination import examine_file, ready_base
from daemon.cli.place import Blocked
from daemon.cli.requests.sweep_plan import SweepOptions, SweepStart, plan_trials
from daemon.clock import SystemClock
from daemon.core.evaluation.sweeps import SweepRequest
from daemon.core.workspace.jobs import JobCard, card_from_record, escape
from daemon.core.workspace.orders import SWEEP, Header
from daemon.core.workspace.versions import ancestry, fit_problem, jobs_of
from daemon.errors import UserFault
from daemon.folders.models import current_model
from daemon.folders.models.models import Models
from daemon.folders.orders import orders, sweeps
from daemon.folders.queue.queue import JOB_NAME, find_job
from daemon.layout import QUEUE_STATES, Layout
from daemon.layout_jobs import JobLayout
from daemon.settings import Settings
from daemon.settings_file import parse_own, read_settings, with_own, with_saved_own
from daemon.settings_records import to_record

FEW = 10
"""Fewer held-out rows make an interval too wide to say much."""


@dataclass(frozen=True)
class _Source:
    """The rows of a sweep."""

    place: JobLayout
    name: str
    job: str | None
    own: str
    """Its own settings as TOML."""


def open_sweep(layout: Layout, named: str, wanted: SweepOptions) -> str:
    """Create a sweep of a file or a job; return its name.

    Raises:
        UserFault: there is no such file or job, or a sweep cannot learn anything from it.
        ModelFault: the base model is not ready.
    """
    start = _start(layout, wanted.fresh)
    with _source(layout, named, start) as source:
        request = _request(start, source, wanted)
        start_version = request.start_version
        header = Header(
            "", request.created_at, request.file, (start_version,) if start_version else ()
        )
        return orders.create(
            layout,
            SWEEP,
            header,
            lambda built, sweep: sweeps.fill(built, source.place, replace(request, sweep=sweep)),
        )


def _request(start: SweepStart, source: _Source, wanted: SweepOptions) -> SweepRequest:
    """Return the request of a sweep that has no name yet."""
    held, tune = _held_out(source)
    settings, doubts = _settings(start, source)
    settings = settings.with_rate(start.base.width)
    plan = plan_trials(start, settings, wanted)
    return SweepRequest(
        sweep="",
        created_at=SystemClock().now().isoformat(),
        file=escape(source.name),
        job=source.job,
        start_version=None if start.from_base else start.version.version,
        settings=to_record(settings),
        base=start.base,
        step=0 if start.from_base else start.version.step,
        seed=settings.training.seed,
        trials=plan.trials,
        minutes=wanted.minutes,
        epochs=wanted.epochs,
        rows=wanted.rows,
        default=plan.default,
        space=plan.space,
        grid=plan.grid,
        notes=(*plan.notes, *doubts, *_doubts(held, tune)),
    )


def _settings(start: SweepStart, source: _Source) -> tuple[Settings, list[str]]:
    """Return the settings with the job's own over them, and notes on those read differently now."""
    if source.job is None:
        return with_own(start.settings, parse_own(source.own)), []
    saved = with_saved_own(start.settings, source.own)
    return saved.settings, [f"the job's own {one}" for one in saved.misfits]


def _start(layout: Layout, fresh: bool) -> SweepStart:
    settings = read_settings(layout.settings_file)
    base = ready_base(layout, settings)
    versions = Models(layout).versions()
    version = versions.get(current_model.read(layout) or "")
    if version is None:
        raise UserFault("no_version", "there is no current model yet: run the daemon first")
    problem = fit_problem(version, settings.model, base.fingerprint, settings.training.adapter)
    if problem is not None and not fresh:
        raise Blocked("blocked", f"{problem}; --fresh sweeps from the untouched base")
    chain = ancestry(version.version, versions)
    return SweepStart(version, settings, base, () if fresh else jobs_of(chain), fresh)


@contextmanager
def _source(layout: Layout, named: str, start: SweepStart) -> Iterator[_Source]:
    path = Path(named)
    job = None if path.is_file() else _job_named(layout, named)
    if job is not None:
        yield _of_job(layout, job, start)
        return
    if path.resolve().is_relative_to(layout.inbox):
        raise UserFault(
            "in_inbox",
            f"{path} is in inbox/, where the daemon will claim it: name the job once it has "
            "one, or a file somewhere else",
        )
    with examine_file(path, layout, fresh=start.fresh) as examination:
        from daemon.analysis.verdict import headline, sentence

        if examination.report.get("verdict") != "accepted":
            verdict = f"{headline(examination.report)}: {sentence(examination.report)}"
            raise UserFault("not_accepted", f"{path.name} cannot be swept. {verdict}")
        own = examination.folder.own_settings
        text = own.read_text(encoding="utf-8") if own.exists() else ""
        yield _Source(examination.folder, path.name, None, text)


def _job_named(layout: Layout, named: str) -> str | None:
    if JOB_NAME.match(named):
        return named
    if not named.isdecimal():
        return None
    folders = [layout.queue / state for state in QUEUE_STATES]
    found = [e.name for f in folders if f.is_dir() for e in f.iterdir() if JOB_NAME.match(e.name)]
    return next((name for name in found if int(name.split("-")[0]) == int(named)), None)


def _of_job(layout: Layout, job: str, start: SweepStart) -> _Source:
    place = find_job(layout, job)
    if place is None:
        raise UserFault("no_such_job", f"there is no job {job} in queue/")
    if job in start.lineage_jobs:
        raise UserFault(
            "trained_already",
            f"{start.version.version} has learned from {job} already, so its rows tell nothing "
            "about a rate or a batch: --fresh sweeps from the untouched base",
        )
    card: JobCard = card_from_record(json.loads(place.job_file.read_bytes()))
    intake = card.intake
    if intake is None or not place.train.exists():
        raise UserFault(
            "no_rows", f"{job} has no rows: intake has not read it yet, or it was refused or pruned"
        )
    if (intake.tokenizer, intake.template) != (start.base.tokenizer, start.base.template):
        raise UserFault(
            "other_tokens", f"the tokens of {job} were counted for another model; retrain it first"
        )
    return _Source(place, card.name, job, card.own_settings)


def _held_out(source: _Source) -> tuple[int, int]:
    """Return how many rows are held out, and how many of them may be used to choose settings."""
    halves: list[str] = []
    if source.place.holdout.exists():
        with source.place.holdout.open("rb") as file:
            halves = [str(json.loads(line).get("half")) for line in file]
    if not halves or not source.place.train.stat().st_size:
        hint = "name the job that holds them" if source.job is None else "it is too small"
        raise UserFault(
            "no_holdout",
            f"{escape(source.name)} has no held-out rows of its own to compare settings on: {hint}",
        )
    return len(halves), halves.count("tune")


def _doubts(held: int, tune: int) -> Iterator[str]:
    if not tune:
        yield (
            f"the file has only {held} held-out rows, all of them for the verdict; the sweep uses "
            "them too, so a later verdict on this file is a little optimistic"
        )
    elif tune < FEW:
        yield f"only {tune} held-out rows may be used: the intervals are wide"
