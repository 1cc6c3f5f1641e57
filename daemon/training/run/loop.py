"""The training loop of one run: steps, with evaluations, probes and checkpoints as they fall due.

What is trained follows from the frozen choices alone, whatever evaluations, pauses and crashes
there were.
"""

from dataclasses import replace
from typing import Literal

from daemon.core import messages as say
from daemon.core.training.fallback import slow_down
from daemon.core.training.jumps import jumped
from daemon.core.training.manifests import shortened_sentence
from daemon.core.training.plan import mix
from daemon.core.training.run_state import SkippedRow
from daemon.core.training.schedule import Schedule, rate
from daemon.folders.runs import runs
from daemon.settings import TrainingSettings
from daemon.training.context import CurrentRun, TrainerContext
from daemon.training.data.batches import Ahead, StepContent
from daemon.training.engine.protocol import INTERRUPTED, NOT_APPLIED, StepResult
from daemon.training.machine.cooling import Cooler
from daemon.training.machine.display import DisplayRest
from daemon.training.mailbox import OrderMailbox
from daemon.training.run.checkpointing import Checkpointer
from daemon.training.run.early_stopping import EarlyStop
from daemon.training.run.evaluations import RunEvaluations
from daemon.training.run.probes import Prober
from daemon.training.run.step_metrics import StepTimes, step_metrics

REFUSED_MOST = 5
"""After so many non-finite steps in a row the run has failed."""

FULL_DISK_WAIT_S = 5.0

How = Literal["done", "left", "failed", "again", "memory", "nothing_left"]
"""`again`: reopen the run, its fallback or its last step has changed; `memory`: it ran out;
`nothing_left`: every row of the run's own jobs was skipped."""


def schedule_of(training: TrainingSettings) -> Schedule:
    """Return the learning-rate schedule of the settings."""
    return Schedule(
        training.peak_rate,
        training.warmup_steps,
        training.rewarm_steps,
        training.decay_share,
        training.decay_floor,
        training.carry_schedule,
    )


class TrainingLoop:
    """One attempt at a run."""

    def __init__(self, context: TrainerContext, current: CurrentRun, mailbox: OrderMailbox) -> None:
        self._context = context
        self._current = current
        self._mailbox = mailbox
        self._settings = current.request.settings
        self.state = current.state
        self._schedule = schedule_of(self._settings.training)
        self._ahead = Ahead(current.data)
        trainer = self._settings.trainer
        self._cooler = Cooler(trainer, context.clock)
        # Only a GPU keeps the screen waiting.
        share = 0.0 if context.engine.device.startswith("CPU") else trainer.display_rest_share
        self._display = DisplayRest(share, context.clock)
        self._jump_reported = False
        self._skip_long_rows()
        self._rested_s = 0.0
        self._evaluations = RunEvaluations(context, current, mailbox.poll)
        self._commits = Checkpointer(context, current)
        self._early_stop = EarlyStop(context, current)
        self._prober = Prober(context, current, mailbox.poll)

    def _skip_long_rows(self) -> None:
        known = self.state.skipped_ids
        own = {self._current.request.jobs[job] for job, _ in self._current.choices.examples}
        long = sorted(
            item for item in self._current.data.too_long if item[0] in own and item not in known
        )
        if shortened := self._current.rows_shortened:
            run = self._current.request.run
            self._alert("rows_shortened", f"{run}: {shortened_sentence(shortened)}")
        if long:
            found = tuple(SkippedRow(job, row, self.state.step, "no_room") for job, row in long)
            self.state = replace(self.state, skipped=(*self.state.skipped, *found))
            message = (
                f"{len(long)} row(s) are too long for the available memory; the rest is trained"
            )
            self._alert("rows_set_aside", message)

    def train(self) -> How:
        """Take the remaining steps; "done" means that the last one is committed."""
        try:
            return self._train()
        except Exception as error:
            # A lost device ends the process: only a new one can open it again.
            if self._context.engine.trouble(error) != "memory":
                raise
            return "memory"

    def _train(self) -> How:
        while self.state.step_in_run < self._current.end:
            if self._nothing_left():
                return "nothing_left"
            if self.attend():
                return "left"
            if self.state.step_in_run == self._current.until:
                self._commit()
                return "again"
            if not self._evaluate_and_probe():
                continue
            if self._early_stop.spent(self.state):
                self._early_stop.stop(self.state)
                return "again"
            if not self._step():
                continue
            if self._roll_back_jump():
                return "again"
            if self.state.refused_in_a_row >= REFUSED_MOST:
                return "failed"
            if self._commits.due(self.state):
                self._commit()
        return "nothing_left" if self._nothing_left() else self._finish()

    def _nothing_left(self) -> bool:
        own = [job for job, _ in self.state.skipped_ids if job in self._current.request.jobs]
        return len(own) == len(self._current.choices.examples)

    def _finish(self) -> How:
        while not self._evaluate_and_probe():
            if self.attend():
                return "left"
        self._prober.report_left_out(self.state)
        while not self._commits.has(self.state):
            if self.attend():
                return "left"
            if not self._commit():
                self._mailbox.wait(FULL_DISK_WAIT_S)
        self._prober.remember()
        return "left" if self.attend() else "done"

    # --- orders -------------------------------------------------------------------------------

    def attend(self, judging: bool = False) -> bool:
        """Carry out pending orders between two steps; return whether to leave the run.

        While judging, the model may have another version's adapter loaded: an evaluation waits.
        """
        left = self._mailbox.poll()
        announced = False
        while not left:
            self._answer_requests(judging)
            if not self._mailbox.paused:
                return False
            self._commit()
            if not announced:
                self._context.pipe.send(say.Paused(self._current.request.run))
                announced = True
            left = self._mailbox.wait(None)
        if self._mailbox.leaving == "stop" and self._commit():
            self._commits.save_part(self.state)
        return True

    def _answer_requests(self, judging: bool) -> None:
        if self._mailbox.take_commit_request():
            self._commit(again=True)
        if not judging and self._mailbox.take_evaluation_request():
            self.state = self._evaluations.measure(self.state, requested=True) or self.state

    # --- steps --------------------------------------------------------------------------------

    def _step(self) -> bool:
        """Take one step; return False when interrupted, with nothing changed."""
        began_s = self._context.clock.monotonic_s()
        content = self._content()
        waited_s = self._context.clock.monotonic_s() - began_s
        step, step_in_run = self.state.step + 1, self.state.step_in_run + 1
        learning_rate = rate(self._schedule, step, step_in_run, self._current.choices.steps)
        learning_rate *= self._current.fallback.rate_share
        seed = mix(self._current.request.seed, "step", step)
        result = self._compute(content, learning_rate, seed)
        if not result.applied and not result.interrupted:
            content, result = self._without_offending_rows(content, learning_rate, seed)
        if result.interrupted:
            return False
        seconds = self._context.clock.monotonic_s() - began_s
        times = StepTimes(seconds, waited_s, self._rested_s)
        at = (step, step_in_run)
        metrics = step_metrics(at, content, learning_rate, result, times, self._context.engine)
        self._evaluations.count_training(seconds)
        self.state = self.state.after(metrics)
        self._context.pipe.send(say.Stepped(self._current.request.run, metrics))
        for remark in self._context.engine.take_remarks():
            self._context.pipe.send(say.Noted("measured", remark))
        self._rest(seconds)
        return True

    def _rest(self, step_s: float) -> None:
        rest = self._cooler.after_step(step_s)
        if rest.event is not None:
            self._context.pipe.send(say.Noted("cool_down", rest.event))
        self._rested_s = 0.0
        if rest.seconds:
            began_s = self._context.clock.monotonic_s()
            # An order ends the rest early.
            self._mailbox.wait(rest.seconds)
            self._rested_s = self._context.clock.monotonic_s() - began_s

    def _roll_back_jump(self) -> bool:
        """Roll back behind a loss spike and halve the learning rate, a limited number of times."""
        place = jumped([metrics.loss for metrics in self.state.metrics])
        if place is None:
            return False
        run, layout = self._current.request.run, self._current.place
        began = self.state.metrics[place].step_in_run
        why = f"the loss jumped at step {began} of {run}"
        lower = slow_down(self._current.fallback, began, why)
        if lower is None:
            if not self._jump_reported:
                self._alert(
                    "loss_jumped", f"{why}; the learning rate has been halved as often as allowed"
                )
            self._jump_reported = True
            return False
        # Durable before anything is removed: after a kill in between the new fallback applies.
        runs.append_fallback(layout, replace(lower, at=runs.step_before(layout, began)))
        back = runs.roll_back(layout, began - 1)
        message = f"{why}: back to step {back}, with {lower.rate_share:g} of the learning rate"
        self._alert("loss_jumped", message)
        return True

    def _alert(self, code: str, message: str) -> None:
        self._context.pipe.send(say.Alerted(code, message))

    def _compute(self, content: StepContent, learning_rate: float, seed: int) -> StepResult:
        """Take a step, but none without a row: old momentum alone would move the model."""
        if not content.texts:
            return NOT_APPLIED
        self._display.begin()
        return self._context.engine.step(content.passes, learning_rate, seed, self._rest_and_poll)

    def _rest_and_poll(self) -> bool:
        """Return whether to leave a step between two passes; other requests wait for its end."""
        if not (self._mailbox.poll() or self._mailbox.paused) and (
            rest_s := self._display.rest_s()
        ):
            self._mailbox.wait(rest_s)
            self._display.begin()
        return self._mailbox.poll() or self._mailbox.paused

    def _content(self) -> StepContent:
        return self._ahead.step(self.state.step_in_run, self.state.skipped_ids)

    def _without_offending_rows(
        self, content: StepContent, learning_rate: float, seed: int
    ) -> tuple[StepContent, StepResult]:
        """Skip the rows that make a step non-finite, and take it again with the other rows.

        Where no single row is the cause, the step is not applied.
        """
        engine = self._context.engine
        step = self.state.step + 1
        offending = set()
        for text in content.texts:
            if self._rest_and_poll():
                return content, INTERRUPTED
            if not engine.finite_alone(text.encoded, seed):
                offending.add(text.id)
        if not offending:
            return content, NOT_APPLIED
        found = tuple(SkippedRow(job, row, step) for job, row in sorted(offending))
        self.state = replace(self.state, skipped=(*self.state.skipped, *found))
        where = ", ".join(f"row {row} of {job}" for job, row in sorted(offending))
        message = f"loss or gradient is not finite: {where} will not be trained in this run"
        self._alert("rows_set_aside", message)
        content = self._content()
        return content, self._compute(content, learning_rate, seed)

    # --- evaluations --------------------------------------------------------------------------

    def _evaluate_and_probe(self) -> bool:
        """Run the evaluation and probes due at this step; return False when interrupted."""
        return self._evaluate_if_due() and self._probe_if_due()

    def _probe_if_due(self) -> bool:
        """Answer the probes where a milestone is due; return False when interrupted."""
        if not self._prober.due(self.state):
            return True
        found = self._prober.answer(self.state, self._evaluations.budget_s)
        if found is None:
            return False
        self.state, seconds = found
        self._evaluations.count_evaluating(seconds)
        return True

    def _evaluate_if_due(self) -> bool:
        """Evaluate where that is due; return False when interrupted."""
        watched = self._early_stop.due(self.state)
        if not (watched or self._evaluations.due(self.state)):
            return True
        found = self._evaluations.measure(self.state)
        if found is None:
            return False
        self.state = found
        if watched:
            self.state = self._early_stop.after(found, found.measured_loss)
            if self._early_stop.is_best(self.state):
                self._commit()
        return True

    # --- commits ------------------------------------------------------------------------------

    def _commit(self, again: bool = False) -> bool:
        """Make the state durable; refuse as an orphan, when another trainer may have the run."""
        if not self._context.parent_lives():
            self._mailbox.stop()
            return False
        committed = self._commits.commit(self.state, again)
        if committed is None:
            return False
        self.state = committed
        return True
