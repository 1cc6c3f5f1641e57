"""Opens a run: freezes its choices, loads the model and restores the last checkpoint."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from daemon.core import messages as say
from daemon.core.records import from_json_value, to_json_value
from daemon.core.training.fallback import Fallback, fallback_at, next_change
from daemon.core.training.forgetting import LineageLosses, Tolerance
from daemon.core.training.replay_aim import ReplayAim, aim_replay
from daemon.errors import SavedSettingsFault
from daemon.folders.models import models
from daemon.folders.runs import left_out as left_out_file
from daemon.folders.runs import runs
from daemon.layout_jobs import RunLayout
from daemon.settings import Settings, TrainingSettings
from daemon.training.context import CurrentRun, TrainerContext
from daemon.training.data.batches import TrainingRows
from daemon.training.data.replay import earlier_jobs
from daemon.training.data.row_texts import RowTexts
from daemon.training.data.rows import JobRows
from daemon.training.engine.protocol import Engine
from daemon.training.machine.compute_plan import choose_compute_plan, memory_of_run
from daemon.training.records.choices import Choices, Request
from daemon.training.records.holdout_losses import read_losses
from daemon.training.records.provenance import libraries
from daemon.training.records.state import RunState, first_progress
from daemon.training.run.freeze import choose
from daemon.training.run.untrained_rows import left_out, why_nothing_left


@dataclass(frozen=True)
class CannotStart:
    """The run cannot start, for a reason that is not the fault of its jobs."""

    code: str
    message: str
    passing: bool = False
    """Caused by an error that may pass by itself."""


@dataclass(frozen=True)
class NothingLeft:
    """No row of the run may be trained."""

    outcome: str
    """`nothing_new` where every row was trained before, else `nothing_left`."""
    message: str


def open_run(
    context: TrainerContext, run: str, attempt: int, left: Callable[[], bool]
) -> CurrentRun | CannotStart | NothingLeft | None:
    """Freeze, load and restore the last commit; return None if an order ended it meanwhile."""
    place = context.layout.run(run)
    try:
        request = Request.of(runs.read_request(place))
    except SavedSettingsFault as fault:
        return CannotStart(fault.code, f"{run} cannot continue: {fault.message}; {_way_out(place)}")
    start = context.layout.version(request.start_version)
    problem = models.verify(start)
    if problem is not None:
        way_out = models.ways_out(context.layout, start.name)
        message = f"the version {start.name} is damaged: {problem}; {way_out}"
        return CannotStart("version_damaged", message)
    rows = JobRows(context.layout)
    choices = _frozen(context, place, request, rows, start)
    if choices.steps == 0:
        left_out_file.write(place.folder, left_out(request, choices, rows))
        return NothingLeft(*why_nothing_left(request, choices))
    context.pipe.send(say.Alive("loading the base model"))
    if left():
        return None
    return open_frozen(context, place, request, choices, rows, start, attempt)


def _way_out(place: RunLayout) -> str:
    """Return what to do with a run whose saved settings are unusable here; its commits stay."""
    step = runs.newest_step(place)
    if not step:
        return "no step of it is trained yet, so its files start over with today's settings"
    run = place.folder.name
    return (
        f"its {step} steps stay on the disk: continue them with the release that began the run, "
        f"or discard them with 'touch control/skip' and train the files of {run} with today's "
        "settings by 'finetuned retrain JOB'"
    )


def open_frozen(
    context: TrainerContext,
    place: RunLayout,
    request: Request,
    choices: Choices,
    rows: JobRows,
    start: Path,
    attempt: int,
) -> CurrentRun:
    """Load a run whose choices are frozen, and restore its last commit.

    `start` is the directory of the starting version, or of a copy of it.
    """
    base = context.layout.base(request.base.name)
    texts = RowTexts(context.encoder(base), choices.prefixes, choices.plain_forms)
    stopped = runs.read_stopped(place)
    if stopped is not None:
        runs.remove_after(place, stopped.best_step)
    folder = _newest(context, place, request)
    fallbacks = [choices.fallback, *runs.read_fallbacks(place)]
    fallback = fallback_at(fallbacks, runs.step_of(folder))
    assert fallback is not None, "the first one applies from step 0"
    carried = _load(context, request, choices, fallback, base, start, place)
    state = resume(context, folder, request, attempt, start)
    runs.take_part(place, state.step_in_run, context.engine.restore_part)
    data = TrainingRows(
        request, choices, rows, texts, context.engine.shapes, fallback.max_row_tokens
    )
    until = next_change(fallbacks, state.step_in_run)
    joules = context.energy.joules() if folder is None else None
    return CurrentRun(
        place, request, choices, rows, texts, data, state, fallback, until, carried, joules, stopped
    )


def _frozen(
    context: TrainerContext, place: RunLayout, request: Request, rows: JobRows, start: Path
) -> Choices:
    choices = frozen_choices(context, place)
    now = libraries()
    if choices is not None:
        if choices.libraries == now:
            return choices
        message = f"{request.run} starts over: the libraries changed since it began"
        context.pipe.send(say.Alerted("libraries_changed", message))
    base = context.layout.base(request.base.name)
    shape = choose_compute_plan(context, request, rows, base)
    choices = choose(
        request,
        rows,
        now,
        context.clock.now().isoformat(),
        shape,
        _aim(request, rows, start),
    )
    runs.freeze(place, to_json_value(runs.read_request(place)) | to_json_value(choices))
    return choices


def frozen_choices(context: TrainerContext, place: RunLayout) -> Choices | None:
    """Return the frozen choices of a run; None before there are any, or where they are damaged.

    Damaged ones are moved away and the run starts over: without them its commits mean nothing.
    """
    try:
        record = runs.read_frozen(place)
        return None if record is None else from_json_value(record, Choices)
    except ValueError as error:
        moved = runs.quarantine_frozen(place)
        message = (
            f"{place.folder.name} starts over: {place.frozen} cannot be read ({error}) and was "
            f"moved to {moved.name}"
        )
        context.pipe.send(say.Alerted("run_damaged", message))
        return None


def _aim(request: Request, rows: JobRows, start: Path) -> ReplayAim:
    retry = request.retry
    if retry is not None:
        return ReplayAim(retry.replay_share, retry.replay_weights)
    return replay_of(request.settings, rows, earlier_jobs(request, rows), read_losses(start))


def replay_of(
    settings: Settings, rows: JobRows, jobs: Iterable[str], losses: LineageLosses
) -> ReplayAim:
    """Return what of earlier jobs a run replays that begins at a version with these losses."""
    gate, replay = settings.gate, settings.replay
    earlier = {job: len(rows.train(job).rows) for job in jobs}
    tolerance = Tolerance(gate.forgetting, gate.forgetting_share)
    return aim_replay(replay.share, replay.most_share, losses, tolerance, earlier)


def _load(
    context: TrainerContext,
    request: Request,
    choices: Choices,
    fallback: Fallback,
    base: Path,
    start: Path,
    place: RunLayout,
) -> bool:
    loaded = adapter_folder(start)
    training = as_computed(request.settings.training, choices, fallback)
    memory = memory_of_run(context.engine, base, request, choices, fallback)
    carried = context.engine.load(
        base, request.adapter, training, loaded, request.seed, place.folder, memory
    )
    context.engine.check_trainable()
    if not carried:
        message = (
            f"{start.name} has no optimizer moments that fit {training.optimizer}; "
            "training starts with fresh ones"
        )
        context.pipe.send(say.Alerted("moments_fresh", message))
    return carried


def as_computed(
    training: TrainingSettings, choices: Choices, fallback: Fallback
) -> TrainingSettings:
    """Return the settings with the chosen row and pass sizes filled in."""
    return training.model_copy(
        update={
            "row_tokens": choices.row_tokens,
            "row_layout": choices.row_layout,
            "pass_tokens": fallback.pass_tokens,
            "grad_checkpoint": fallback.checkpoint,
        }
    )


def as_scored(training: TrainingSettings, engine: Engine) -> TrainingSettings:
    """Return the settings with which a model is loaded for inference only."""
    row, most = engine.usual_tokens
    return training.model_copy(
        update={
            "row_tokens": training.row_tokens or row,
            "pass_tokens": training.pass_tokens or most,
            "carry_moments": "reset",
        }
    )


def adapter_folder(version: Path) -> Path | None:
    """Return the directory of a version that has an adapter; None for an untouched base."""
    return None if models.read_manifest(version).adapter is None else version


def _newest(context: TrainerContext, place: RunLayout, request: Request) -> Path | None:
    folder, problems = runs.newest_checkpoint(place)
    if problems:
        message = f"{request.run} falls back: {'; '.join(problems)}"
        context.pipe.send(say.Alerted("checkpoint_damaged", message))
    return folder


def resume(
    context: TrainerContext, folder: Path | None, request: Request, attempt: int, start: Path
) -> RunState:
    """Restore a commit, or begin at the starting version where there is none."""
    if folder is None:
        return RunState(request.run, attempt, request.step, 0, progress=first_progress(start))
    context.engine.restore(folder)
    return RunState.read(folder, attempt)
