"""Ends a run that learns nothing more, at its best step; takes no step and measures nothing.

Losses at fixed steps decide, so a run ends at the same step whatever pauses and deaths there were.
"""

from dataclasses import replace

from daemon.core import messages as say
from daemon.core.training.early_stopping import EarlyStopped, is_watched
from daemon.folders.runs import runs
from daemon.training.context import CurrentRun, TrainerContext
from daemon.training.records.state import RunState


class EarlyStop:
    """Watches the loss on the tune rows of one run."""

    def __init__(self, context: TrainerContext, hand: CurrentRun) -> None:
        self._context = context
        self._hand = hand
        training = hand.request.settings.training
        self._patience, self._min_delta = training.patience_steps, training.min_delta
        why_not = _why_not(hand) if self._patience else None
        self._on = bool(self._patience) and hand.stopped is None and why_not is None
        if why_not is not None and hand.state.attempt == 0:
            context.pipe.send(say.Noted("no_early_stop", f"{hand.request.run}: {why_not}"))

    def due(self, state: RunState) -> bool:
        """Return whether the tune rows are to be measured in full before the next step."""
        every = self._hand.request.settings.evaluation.eval_every
        epoch_steps, step = self._hand.data.plan.steps_of_epoch, state.step_in_run
        watched = self._on and is_watched(step, every, epoch_steps, self._hand.end)
        return watched and state.watch.scored_step < step

    def after(self, state: RunState, loss: float | None) -> RunState:
        """Return the state with the loss on all tune rows."""
        watch = state.watch.after(state.step_in_run, loss, self._min_delta)
        return replace(state, watch=watch)

    def is_best(self, state: RunState) -> bool:
        """Return whether the step of a state is the best of the run so far."""
        return state.watch.best_step == state.step_in_run

    def spent(self, state: RunState) -> bool:
        """Return whether the run has waited long enough for a better step."""
        return self._on and state.watch.spent(self._patience)

    def stop(self, state: RunState) -> None:
        """Write durably that the run ends at its best step; who opens it next goes back there."""
        stopped = EarlyStopped.of(state.watch, self._patience, self._min_delta)
        runs.write_stopped(self._hand.place, stopped)
        message = f"{self._hand.request.run} {stopped.sentence}"
        self._context.pipe.send(say.Noted("stopped_early", message))


def _why_not(hand: CurrentRun) -> str | None:
    """Return why a run is never stopped early though it is asked for; None where it can be."""
    if hand.data.plan.steps_of_epoch == hand.choices.steps:
        return "no early stop: it has one epoch, and that is always completed"
    for job, row in hand.choices.tune[:1]:
        index = hand.rows.holdout(job)
        place = index.place(row)
        if place is not None and index.tune[place]:
            return None
    return "no early stop: with fewer than 20 hold-out rows a file has none to decide it by"
