"""One trial of a sweep: a short real run, measured along the way, that publishes no version.

It trains as a run does, by the same plan and schedule, but writes no checkpoint: an interrupted
trial starts over.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from daemon.core import messages as say
from daemon.core.evaluation.sweeps import (
    Outcome,
    Setting,
    SweepRequest,
    Trial,
    describe,
    measurements,
)
from daemon.core.training.plan import mix, steps_of
from daemon.core.training.schedule import rate
from daemon.evaluation.scoring import mean_loss, row_losses
from daemon.settings import Settings
from daemon.settings_records import usable_settings
from daemon.text.encoder import Encoded
from daemon.training.context import TrainerContext
from daemon.training.data.batches import Ahead, StepContent, TrainingRows, holdout_rows
from daemon.training.data.row_texts import RowTexts
from daemon.training.data.rows import JobRows
from daemon.training.engine.protocol import StepResult
from daemon.training.machine.compute_plan import ComputePlan, choose_compute_plan
from daemon.training.orders.runner import Attendance
from daemon.training.records.choices import Choices, Request, RowId
from daemon.training.run.freeze import plain_forms_of, prefixes_of
from daemon.training.run.loop import REFUSED_MOST, schedule_of
from daemon.training.run.opening import adapter_folder, as_computed

NoteLoss = Callable[[int, float], bool]


@dataclass(frozen=True)
class SweepRows:
    """The rows that all trials of a sweep share."""

    rows: JobRows
    examples: tuple[tuple[int, int], ...]
    """In the form of `Choices.examples`."""
    held: tuple[RowId, ...]
    """The held-out rows on which trials are measured."""


def with_setting(settings: Settings, setting: Setting) -> Settings:
    """Return the settings with a trial's changes to `[training]`."""
    changed = settings.training.model_dump() | dict(setting)
    if "scale" in setting:
        changed["alpha"] = None
    return usable_settings(settings.model_dump() | {"training": changed})


class TrialRun:
    """One setting, from the start of the sweep to its result."""

    def __init__(
        self,
        context: TrainerContext,
        sweep: SweepRequest,
        common: SweepRows,
        setting: Setting,
        attendance: Attendance,
    ) -> None:
        self._context = context
        self._sweep = sweep
        self._common = common
        self._setting = setting
        self._attendance = attendance
        settings = usable_settings(sweep.settings)
        training = settings.training.model_copy(update={"epochs": sweep.epochs})
        settings = settings.model_copy(update={"training": training})
        self._request = _run_request(sweep, with_setting(settings, setting))
        self._curve: list[tuple[float, float]] = []
        self._scored: list[tuple[float, int]] = []
        self._held: list[Encoded] = []
        self._taken = 0
        self._began_s = context.clock.monotonic_s()
        self._waited_s = attendance.waited_s
        """The total of all pauses before this trial began."""

    def train(self, number: int, note_loss: NoteLoss, scratch: Path) -> Trial | None:
        """Train and measure; None if the trial was interrupted.

        Raises:
            ModelFault: base or adapter cannot be used.
        """
        self._context.pipe.send(say.Alive("loading the base model"))
        if self._attendance.attend():
            return None
        data = self._load(scratch, number == 1)
        self._began_s = self._context.clock.monotonic_s()
        self._waited_s = self._attendance.waited_s
        sweep, words = self._sweep, describe(self._setting, self._sweep.default)
        doing = f"tries {words} (trial {number} of {sweep.trials})"
        self._context.pipe.send(
            say.UnitBegun(sweep.sweep, number, sweep.trials, doing, data.plan.steps)
        )
        if number == 1 and self._measure(0.0) is None:
            return None
        return self._take_steps(number, data, note_loss)

    def _load(self, scratch: Path, first: bool) -> TrainingRows:
        context, request = self._context, self._request
        base = context.layout.base(request.base.name)
        shape = choose_compute_plan(context, request, self._common.rows, base)
        choices = self._choices(shape)
        start = self._sweep.start_version
        loaded = adapter_folder(context.layout.version(start)) if start is not None else None
        training = as_computed(request.settings.training, choices, shape.fallback)
        carried = context.engine.load(
            base, request.adapter, training, loaded, request.seed, scratch, shape.memory
        )
        context.engine.check_trainable()
        if first and not carried:
            message = f"{start} has no optimizer moments that fit; the trials begin with fresh ones"
            context.pipe.send(say.Alerted("moments_fresh", message))
        rows = self._common.rows
        texts = RowTexts(context.encoder(base), choices.prefixes, choices.plain_forms)
        self._held = holdout_rows(rows, texts, self._common.held)
        return TrainingRows(
            request, choices, rows, texts, context.engine.shapes, shape.fallback.max_row_tokens
        )

    def _choices(self, shape: ComputePlan) -> Choices:
        training = self._request.settings.training
        examples = self._common.examples
        return Choices(
            attempt_0_at=self._sweep.created_at,
            libraries={},
            examples=examples,
            dropped={},
            replay=(),
            replay_share=0.0,
            tune=self._common.held,
            judge=(),
            earlier=(),
            samples=(),
            steps=steps_of(len(examples), training.batch_rows, training.epochs),
            data_fingerprint="",
            **shape.as_choices(),
            prefixes=prefixes_of(self._common.rows, self._request.jobs),
            plain_forms=plain_forms_of(self._common.rows, self._request.jobs),
        )

    def _take_steps(self, number: int, data: TrainingRows, note_loss: NoteLoss) -> Trial | None:
        ahead, steps = Ahead(data), data.plan.steps
        measured = measurements(steps)
        refused = 0
        if len(data.too_long) == len(self._common.examples):
            return self._end(number, "failed", "no row fits into the available memory")
        while self._taken < steps:
            if self._attendance.attend():
                return None
            result = self._step(ahead, steps, data.too_long)
            if result is not None and result.interrupted:
                return None
            if result is not None:
                refused = 0 if result.applied else refused + 1
            if refused >= REFUSED_MOST:
                return self._end(number, "failed", f"{refused} consecutive steps were not finite")
            if self._taken not in measured:
                continue
            loss = self._measure(self._taken / steps)
            if loss is None:
                return None
            if not math.isfinite(loss):
                return self._end(number, "failed", "the loss is not finite")
            if note_loss(measured[self._taken], loss):
                return self._end(number, "pruned", "behind the median of the earlier trials")
        return self._end(number, "finished", "")

    def _step(self, ahead: Ahead, steps: int, skipped: frozenset[RowId]) -> StepResult | None:
        """Do one step; None if it had no rows."""
        content = ahead.step(self._taken, skipped)
        result = self._compute(content, steps) if content.texts else None
        if result is None or not result.interrupted:
            self._taken += 1
            self._context.pipe.send(say.UnitStepped(self._sweep.sweep, self._taken))
        return result

    def _compute(self, content: StepContent, steps: int) -> StepResult:
        step = self._request.step + self._taken + 1
        learning_rate = rate(
            schedule_of(self._request.settings.training), step, self._taken + 1, steps
        )
        seed = mix(self._request.seed, "step", step)
        return self._context.engine.step(
            content.passes, learning_rate, seed, self._attendance.attend
        )

    def _measure(self, share: float) -> float | None:
        """Measure and record the loss on the held-out rows; None if the trial was interrupted."""
        interrupted = partial(self._attendance.attend, "measuring a trial")
        scored = row_losses(self._context.engine, self._held, interrupted)
        if scored is None:
            return None
        self._scored = scored
        loss = mean_loss(scored)
        assert loss is not None, "rows without a supervised token are not accepted"
        if math.isfinite(loss):
            self._curve.append((share, loss))
        return loss

    def failed(self, number: int, why: str) -> Trial:
        """Return the trial as a failed one."""
        return self._end(number, "failed", why)

    def _end(self, number: int, outcome: Outcome, why: str) -> Trial:
        rows = tuple(self._scored) if outcome == "finished" else ()
        waited_s = self._attendance.waited_s - self._waited_s
        seconds = self._context.clock.monotonic_s() - self._began_s - waited_s
        return Trial(
            number, self._setting, outcome, tuple(self._curve), rows, self._taken, seconds, why
        )


def _run_request(sweep: SweepRequest, settings: Settings) -> Request:
    start = sweep.start_version or ""
    return Request(
        run=sweep.sweep,
        start_version=start,
        proven_version=start,
        jobs=(sweep.sweep,),
        lineage_jobs=(),
        holdout_jobs=(),
        settings=settings,
        base=sweep.base,
        step=sweep.step,
        seed=sweep.seed,
    )
