"""The report of a sweep for people and programs: table, picture, and the settings to use."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from daemon.core.evaluation.results import SweepResult, SweptTrial
from daemon.core.evaluation.sweeps import (
    LEVEL,
    Difference,
    SweepRequest,
    Trial,
    best_of,
    describe,
    level_of_each,
    verdict,
)
from daemon.core.training.plan import mix
from daemon.evaluation.bootstrap import by_family, interval
from daemon.evaluation.paired import Labels
from daemon.folders.orders import sweeps
from daemon.folders.settings_file import render_own
from daemon.layout import SweepLayout
from daemon.reports.rendering import render
from daemon.settings_records import read_saved
from daemon.training.orders.sweep_picture import draw_sweep
from daemon.training.orders.trials import with_setting

Ending = Literal["finished", "skipped", "failed"]


def write_report(
    place: SweepLayout,
    request: SweepRequest,
    trials: Sequence[Trial],
    outcome: str,
    message: str,
    families: Labels,
) -> SweepResult:
    """Write the report; return the result, with its finding as one sentence.

    `families` are those of the held-out rows that every trial was measured on.
    """
    found = differences(trials, request.seed, families)
    best = best_of(trials)
    result: SweepResult = {
        "schema_version": 1,
        "sweep": request.sweep,
        "outcome": outcome,
        "message": f"{message}; {verdict(best, found)}",
        "best": best.number if best is not None else None,
        "proven": any(best is not None and d.number == best.number and d.proven for d in found),
        "start_version": request.start_version,
        "level_together": LEVEL,
        "trials": [_row(trial, request, found) for trial in trials],
        "notes": list(request.notes),
        "training": section(request, best) if best is not None else None,
    }

    def draw(path: Path) -> None:
        draw_sweep(path, request, trials, found)

    sweeps.write_report(place, page(result, request), draw)
    return result


def differences(
    trials: Sequence[Trial], seed: int, families: Labels | None = None
) -> tuple[Difference, ...]:
    """Compare each finished trial with the first on the same rows, resampling whole families."""
    finished = [trial for trial in trials if trial.loss is not None]
    if not finished or finished[0].number != 1:
        return ()
    default, *others = finished
    level = level_of_each(len(others))
    found = []
    for trial in others:
        mine, first = (by_family(one.rows, families) for one in (trial, default))
        low, high = interval(mine, first, level, mix(seed, "bootstrap"))
        assert trial.loss is not None and default.loss is not None
        found.append(Difference(trial.number, trial.loss - default.loss, low, high))
    return tuple(found)


def section(request: SweepRequest, best: Trial) -> str:
    """Return the `[training]` table in force with the best trial's changes."""
    settings = with_setting(read_saved(request.settings).settings, best.setting)
    values = settings.training.model_dump()
    return render_own({"training": {key: v for key, v in values.items() if v is not None}})


def _row(trial: Trial, request: SweepRequest, found: Sequence[Difference]) -> SweptTrial:
    difference = next((d for d in found if d.number == trial.number), None)
    return {
        "number": trial.number,
        "setting": dict(trial.setting),
        "changes": describe(trial.setting, request.default),
        "outcome": trial.outcome,
        "why": trial.why,
        "loss": trial.loss,
        "change": difference.change if difference else None,
        "low": difference.low if difference else None,
        "high": difference.high if difference else None,
        "steps": trial.steps,
        "seconds": trial.seconds,
    }


def page(result: SweepResult, request: SweepRequest) -> str:
    """Return the report as Markdown."""
    return render("sweep.md", result=result, request=request, level=LEVEL)
