"""Early stopping: ends a run at its best step once the loss on tune rows stops falling.

Only losses at fixed steps count, so pauses and crashes do not change where a run ends.
"""

from dataclasses import replace

from daemon.core import messages as say
from daemon.core.training.early_stopping import EarlyStopped, is_watched
from daemon.folders.runs import runs
from daemon.training.context import CurrentRun, TrainerContext
from daemon.training.records.state import RunState


class EarlyStop:
    """Watches the loss on the tune rows of one run."""

    def __init__(self, context: TrainerContext, current: CurrentRun) -> None:
        self._context = context
        self._current = current
        training = current.request.settings.training
        self._patience, self._min_delta = training.patience_steps, training.min_delta
        why_not = _why_not(current) if self._patience else None
        self._on = bool(self._patience) and current.stopped is None and why_not is None
        if why_not is not None and current.state.attempt == 0:
            context.pipe.send(say.Noted("no_early_stop", f"{current.request.run}: {why_not}"))

    def due(self, state: RunState) -> bool:
        """Return whether the loss on all tune rows is due before the next step."""
        every = self._current.request.settings.evaluation.eval_every
        epoch_steps, step = self._current.data.plan.steps_of_epoch, state.step_in_run
        watched = self._on and is_watched(step, every, epoch_steps, self._current.end)
        return watched and state.watch.scored_step < step

    def after(self, state: RunState, loss: float | None) -> RunState:
        """Return the state with the loss on all tune rows recorded."""
        watch = state.watch.after(state.step_in_run, loss, self._min_delta)
        return replace(state, watch=watch)

    def is_best(self, state: RunState) -> bool:
        """Return whether the step of a state is the best of the run so far."""
        return state.watch.best_step == state.step_in_run

    def spent(self, state: RunState) -> bool:
        """Return whether the run has waited long enough for a better step."""
        return self._on and state.watch.spent(self._patience)

    def stop(self, state: RunState) -> None:
        """Record durably that the run ends at its best step; the next opening rolls back to it."""
        stopped = EarlyStopped.of(state.watch, self._patience, self._min_delta)
        runs.write_stopped(self._current.place, stopped)
        message = f"{self._current.request.run} {stopped.sentence}"
        self._context.pipe.send(say.Noted("stopped_early", message))


def _why_not(current: CurrentRun) -> str | None:
    """Return why early stopping cannot apply to a run although it is set; None if it can."""
    if current.data.plan.steps_of_epoch == current.choices.steps:
        return "no early stop: it has one epoch, which is always completed"
    for job, row in current.choices.tune[:1]:
        index = current.rows.holdout(job)
        place = index.place(row)
        if place is not None and index.tune[place]:
            return None
    return "no early stop: a file with fewer than 20 hold-out rows has no tune rows to decide it by"
