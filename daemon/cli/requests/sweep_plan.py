"""Plans the trials of a sweep: a search, the plain comparison of rates, or a grid of values."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import typer
from pydantic import ValidationError

from daemon.core.evaluation.grids import (
    MOST,
    SHAPE_KEYS,
    GridError,
    grid_of,
    planned_trials,
    read_axes,
)
from daemon.core.evaluation.sweeps import RATE_TRIALS, Setting, Space, describe, space_around
from daemon.core.workspace.bases import BaseFacts
from daemon.core.workspace.versions import Version
from daemon.errors import UserFault
from daemon.settings import Settings, TrainingSettings

TRIALS = 12
"""Of a search, where nobody says how many."""


@dataclass(frozen=True)
class SweepOptions:
    """The options of a sweep, as its command has them."""

    trials: Annotated[
        int | None, typer.Option(help="Settings to try; default: 12.", min=1, max=MOST)
    ] = None
    minutes: Annotated[
        float | None,
        typer.Option(help="Start no trial after this many minutes of training.", min=0.01),
    ] = None
    rates: Annotated[bool, typer.Option("--rates", help="Only compare three learning rates.")] = (
        False
    )
    values: Annotated[
        list[str] | None,
        typer.Option(
            "--values",
            metavar="KEY=V,V…",
            help="Try these values of a setting in the training section; repeat it for a grid.",
        ),
    ] = None
    draw: Annotated[
        int | None,
        typer.Option(help="Try only this many combinations of a grid.", min=1, max=MOST),
    ] = None
    epochs: Annotated[int, typer.Option(help="Epochs of a trial.", min=1)] = 1
    rows: Annotated[int, typer.Option(help="Most rows per trial.", min=1)] = 512
    fresh: Annotated[
        bool,
        typer.Option("--fresh", help="Start from the untouched base; also search rank and layers."),
    ] = False


@dataclass(frozen=True)
class SweepStart:
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
class SweepPlan:
    """What a sweep tries, in the form of its request."""

    trials: int
    default: Setting
    space: Space
    grid: tuple[Setting, ...]
    notes: tuple[str, ...]


def plan_trials(start: SweepStart, settings: Settings, wanted: SweepOptions) -> SweepPlan:
    """Return what a sweep tries.

    Raises:
        UserFault: the options contradict each other, or a value cannot be tried.
    """
    _check(wanted)
    if wanted.values:
        return _grid(start, settings.training, wanted)
    default = _default(settings, start.from_base)
    space = space_around(default, start.base.num_layers, start.from_base)
    return SweepPlan(
        trials=RATE_TRIALS if wanted.rates else wanted.trials or TRIALS,
        default=default,
        space={} if wanted.rates else space,
        grid=(),
        notes=tuple(_notes(start, wanted)),
    )


def _check(wanted: SweepOptions) -> None:
    if wanted.draw is not None and not wanted.values:
        raise UserFault(
            "bad_grid", "--draw chooses among the values of a grid: name them with --values"
        )
    if wanted.values and wanted.rates:
        raise UserFault("bad_grid", "use --values or --rates, not both")
    if wanted.values and wanted.trials is not None:
        raise UserFault(
            "bad_grid",
            "with --values every combination is one trial: leave --trials out, or give "
            f"--draw {wanted.trials} for that many of them",
        )


def _grid(start: SweepStart, training: TrainingSettings, wanted: SweepOptions) -> SweepPlan:
    try:
        axes = read_axes(wanted.values or ())
        grid = grid_of(axes, wanted.draw, training.seed)
    except GridError as error:
        raise UserFault("bad_grid", str(error)) from error
    fixed = [key for key in axes if key in SHAPE_KEYS]
    if fixed and not start.from_base:
        raise UserFault(
            "needs_fresh",
            f"{' and '.join(fixed)} cannot be changed in an adapter that is continued, and every "
            f"trial continues from {start.version.version}: add --fresh to sweep from the "
            "untouched base",
        )
    for setting in grid:
        _check_setting(training, setting)
    in_force = {key: _in_force(training, wanted, key) for key in axes}
    planned = planned_trials(in_force, grid)
    return SweepPlan(len(planned), in_force, {}, planned, tuple(_grid_notes(start, planned)))


def _check_setting(training: TrainingSettings, setting: Setting) -> None:
    try:
        TrainingSettings.model_validate(
            training.model_dump() | ({"alpha": None} if "scale" in setting else {}) | dict(setting)
        )
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise UserFault("bad_grid", f"{describe(setting, {})} cannot be used: {wrong}") from error


def _in_force(training: TrainingSettings, wanted: SweepOptions, key: str) -> float | int | str:
    if key == "epochs":
        return wanted.epochs
    value = training.effective_scale if key == "scale" else getattr(training, key)
    assert isinstance(value, int | float | str)
    return value


def _grid_notes(start: SweepStart, planned: tuple[Setting, ...]) -> Iterator[str]:
    yield (
        "trial 1 has the values in force, so that the others can be compared with them"
        if len(planned) > 1
        else "the grid has no other values than those in force"
    )
    if start.from_base:
        yield "every trial starts from the untouched base"
    else:
        yield f"every trial continues from {start.version.version}"


def _default(settings: Settings, from_base: bool) -> Setting:
    training = settings.training
    default: dict[str, float | int] = {
        "learning_rate": training.peak_rate,
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


def _notes(start: SweepStart, wanted: SweepOptions) -> Iterator[str]:
    shape = "rank, scale and layers"
    if not start.from_base:
        name = start.version.version
        yield (
            f"every trial continues from {name}, so {shape} are not searched: they belong to its "
            "adapter; --fresh searches them from the untouched base"
        )
    elif wanted.rates:
        yield "every trial starts from the untouched base"
    elif start.version.adapter is not None:
        yield (
            f"every trial starts from the untouched base, so {shape} are searched too; to use "
            "others than the current version's, start over with 'finetuned lineage new'"
        )
    else:
        yield (
            f"no version is trained yet: every trial starts from the untouched base, and {shape} "
            "are searched too"
        )
