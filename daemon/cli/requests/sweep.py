"""Builds the request of a sweep from a job, or from a file that does not become one."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from daemon.cli.files.examination import examine_file, ready_base
from daemon.cli.place import Blocked
from daemon.clock import SystemClock
from daemon.core.evaluation.sweeps import RATE_TRIALS, Setting, SweepRequest, space_around
from daemon.core.workspace.bases import BaseFacts
from daemon.core.workspace.jobs import JobCard, card_from_record, escape
from daemon.core.workspace.orders import SWEEP, Header
from daemon.core.workspace.versions import Version, ancestry, fit_problem, jobs_of
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
from daemon.supervisor.settings_watch import adapter_of

FEW = 10
"""Fewer held-out rows make an interval too wide to say much."""


@dataclass(frozen=True)
class SweepOptions:
    """The options of a sweep, as its command has them."""

    trials: Annotated[int, typer.Option(help="Settings to try.", min=1, max=1000)] = 12
    minutes: Annotated[
        float | None,
        typer.Option(help="Start no trial after so many minutes of training.", min=0.01),
    ] = None
    rates: Annotated[bool, typer.Option("--rates", help="Only compare three learning rates.")] = (
        False
    )
    epochs: Annotated[int, typer.Option(help="Epochs of a trial.", min=1)] = 1
    rows: Annotated[int, typer.Option(help="Most rows a trial trains.", min=1)] = 512
    fresh: Annotated[
        bool, typer.Option("--fresh", help="From the untouched base; searches rank and layers.")
    ] = False


@dataclass(frozen=True)
class _Start:
    """The version and settings that trials start from."""

    version: Version
    settings: Settings
    base: BaseFacts
    lineage_jobs: tuple[str, ...]
    fresh: bool

    @property
    def from_base(self) -> bool:
        """Whether there is no adapter to continue from."""
        return self.fresh or self.version.adapter is None


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


def _request(start: _Start, source: _Source, wanted: SweepOptions) -> SweepRequest:
    """Return the request of a sweep that has no name yet."""
    held, tune = _held_out(source)
    settings, doubts = _settings(start, source)
    default = _default(settings, start.from_base)
    space = space_around(default, start.base.num_layers, start.from_base)
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
        trials=RATE_TRIALS if wanted.rates else wanted.trials,
        minutes=wanted.minutes,
        epochs=wanted.epochs,
        rows=wanted.rows,
        default=default,
        space={} if wanted.rates else space,
        notes=(*_notes(start, wanted), *doubts, *_doubts(held, tune)),
    )


def _settings(start: _Start, source: _Source) -> tuple[Settings, list[str]]:
    """Return the settings with the job's own over them, and notes on those read differently now."""
    if source.job is None:
        return with_own(start.settings, parse_own(source.own)), []
    saved = with_saved_own(start.settings, source.own)
    return saved.settings, [f"the job's own {one}" for one in saved.misfits]


def _start(layout: Layout, fresh: bool) -> _Start:
    settings = read_settings(layout.settings_file)
    base = ready_base(layout, settings)
    versions = Models(layout).versions()
    version = versions.get(current_model.read(layout) or "")
    if version is None:
        raise UserFault("no_version", "there is no current model yet: run the daemon first")
    problem = fit_problem(version, settings.model, base.fingerprint, adapter_of(settings))
    if problem is not None and not fresh:
        raise Blocked("blocked", f"{problem}; --fresh sweeps from the untouched base")
    chain = ancestry(version.version, versions)
    return _Start(version, settings, base, () if fresh else jobs_of(chain), fresh)


@contextmanager
def _source(layout: Layout, named: str, start: _Start) -> Iterator[_Source]:
    path = Path(named)
    job = None if path.is_file() else _job_named(layout, named)
    if job is not None:
        yield _of_job(layout, job, start)
        return
    if path.resolve().is_relative_to(layout.inbox):
        raise UserFault(
            "in_inbox",
            f"{path} is in inbox/, where the daemon claims it as a job: name the job once it has "
            "one, or a file elsewhere",
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


def _of_job(layout: Layout, job: str, start: _Start) -> _Source:
    place = find_job(layout, job)
    if place is None:
        raise UserFault("no_such_job", f"there is no job {job} in queue/")
    if job in start.lineage_jobs:
        raise UserFault(
            "trained_already",
            f"{start.version.version} has learned from {job} already, so its rows say nothing "
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
            f"{escape(source.name)} has no held-out row of its own to compare settings on: {hint}",
        )
    return len(halves), halves.count("tune")


def _default(settings: Settings, from_base: bool) -> Setting:
    training = settings.training
    default: dict[str, float | int] = {
        "learning_rate": training.learning_rate,
        "batch_rows": training.batch_rows,
        "decay_share": training.decay_share,
    }
    if from_base:
        default |= {
            "rank": training.rank,
            "scale": training.effective_scale,
            "num_layers": training.num_layers,
        }
    return default


def _notes(start: _Start, wanted: SweepOptions) -> Iterator[str]:
    shape = "rank, scale and layers"
    if not start.from_base:
        name = start.version.version
        yield (
            f"every trial continues from {name}, so {shape} are not searched: they belong to its "
            "adapter; --fresh searches them from the untouched base"
        )
    elif wanted.rates:
        yield "every trial begins from the untouched base"
    elif start.version.adapter is not None:
        yield (
            f"every trial begins from the untouched base, so {shape} are searched too; to use "
            "others than the current version's, begin anew with 'finetuned lineage new'"
        )
    else:
        yield (
            f"no version is trained yet: every trial begins from the untouched base, and {shape} "
            "are searched too"
        )


def _doubts(held: int, tune: int) -> Iterator[str]:
    if not tune:
        yield (
            f"the file has only {held} held-out rows, all of them for the verdict; the sweep uses "
            "them too, so a later verdict on this file is a little optimistic"
        )
    elif tune < FEW:
        yield f"only {tune} held-out rows may be used: the intervals are wide"
