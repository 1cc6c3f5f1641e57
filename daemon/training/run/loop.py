"""The steps of one run, with evaluations and commits in their rhythm; knows no MLX.

What it trains follows from the frozen choices alone: neither evaluations, pauses nor deaths matter.
"""

import math
from dataclasses import replace
from typing import Literal

from daemon.core import messages as say
from daemon.core.evaluation.answers import AnswerLimits
from daemon.core.training.fallback import slow_down
from daemon.core.training.jumps import jumped
from daemon.core.training.plan import mix
from daemon.core.training.progress import after_evaluation
from daemon.core.training.run_state import SkippedRow
from daemon.core.training.schedule import Schedule, rate
from daemon.evaluation.periodic import Evaluation
from daemon.folders.runs import runs
from daemon.settings import TrainingSettings
from daemon.training.context import CurrentRun, TrainerContext
from daemon.training.data.batches import Ahead, StepContent, holdout_rows, questions
from daemon.training.engine.protocol import INTERRUPTED, NOT_APPLIED, StepResult
from daemon.training.machine.answering import BatchedAnswering
from daemon.training.machine.cooling import Cooler
from daemon.training.machine.display import DisplayRest
from daemon.training.mailbox import OrderMailbox
from daemon.training.run.checkpointing import Checkpointer
from daemon.training.run.early_stopping import EarlyStop
from daemon.training.run.probes import Prober
from daemon.training.run.samples import Samples
from daemon.training.run.step_metrics import StepTimes, step_metrics

REFUSED_MOST = 5
"""So many steps in a row that were not finite end the run."""

FULL_DISK_WAIT_S = 5.0

FORGIVEN_S = 1.0
"""Evaluations may take so many seconds more than their budget before a turn is left out."""

How = Literal["done", "left", "failed", "again", "memory", "nothing_left"]
"""`again`: the run is to be opened anew, another rung or end holds; `memory`: it ran out;
`nothing_left`: every row of its own was put aside."""


def schedule_of(training: TrainingSettings) -> Schedule:
    """Return the schedule that settings ask for."""
    return Schedule(
        training.learning_rate,
        training.warmup_steps,
        training.rewarm_steps,
        training.decay_share,
        training.decay_floor,
        training.carry_schedule,
    )


class TrainingLoop:
    """One attempt at a run."""

    def __init__(self, context: TrainerContext, hand: CurrentRun, mailbox: OrderMailbox) -> None:
        self._context = context
        self._hand = hand
        self._mailbox = mailbox
        self._settings = hand.request.settings
        self.state = hand.state
        self._schedule = schedule_of(self._settings.training)
        self._ahead = Ahead(hand.data)
        trainer = self._settings.trainer
        self._cooler = Cooler(trainer, context.clock)
        # Only a GPU keeps the screen waiting.
        share = 0.0 if context.engine.device.startswith("CPU") else trainer.display_rest_share
        self._display = DisplayRest(share, context.clock)
        self._jump_told = False
        self._skip_long_rows()
        self._validation = holdout_rows(hand.rows, hand.texts, hand.choices.tune)
        chosen = questions(
            hand.rows,
            hand.texts,
            hand.choices.samples,
            "samples",
            self._settings.evaluation.max_new_tokens,
        )
        self._samples = Samples(hand.place, chosen)
        self._trained_s = 0.0
        self._rested_s = 0.0
        self._evaluated_s = 0.0
        self._cheapest_s = 0.0
        self._commits = Checkpointer(context, hand)
        self._early_stop = EarlyStop(context, hand)
        self._prober = Prober(context, hand, mailbox.look)

    def _skip_long_rows(self) -> None:
        known = self.state.skipped_ids
        own = {self._hand.request.jobs[job] for job, _ in self._hand.choices.examples}
        gone = sorted(
            item for item in self._hand.data.too_long if item[0] in own and item not in known
        )
        if gone:
            found = tuple(SkippedRow(job, row, self.state.step, "no_room") for job, row in gone)
            self.state = replace(self.state, skipped=(*self.state.skipped, *found))
            message = (
                f"{len(gone)} row(s) are too long for the memory there is; the rest is trained"
            )
            self._alert("rows_set_aside", message)

    def train(self) -> How:
        """Take the steps that are left; at "done" the last one is committed."""
        try:
            return self._train()
        except Exception as error:
            # A device that is lost ends the process: a new one asks for it again.
            if self._context.engine.trouble(error) != "memory":
                raise
            return "memory"

    def _train(self) -> How:
        while self.state.step_in_run < self._hand.end:
            if self._nothing_left():
                return "nothing_left"
            if self.attend():
                return "left"
            if self.state.step_in_run == self._hand.until:
                self._commit()
                return "again"
            if not self._looked():
                continue
            if self._early_stop.spent(self.state):
                self._early_stop.stop(self.state)
                return "again"
            if not self._step():
                continue
            if self._has_jumped():
                return "again"
            if self.state.refused_in_a_row >= REFUSED_MOST:
                return "failed"
            self._evaluate_if_due()
            if self._commits.due(self.state):
                self._commit()
        return "nothing_left" if self._nothing_left() else self._finish()

    def _nothing_left(self) -> bool:
        own = [job for job, _ in self.state.skipped_ids if job in self._hand.request.jobs]
        return len(own) == len(self._hand.choices.examples)

    def _finish(self) -> How:
        while not self._probed():
            if self.attend():
                return "left"
        self._prober.tell_left_out(self.state)
        while not self._commits.has(self.state):
            if self.attend():
                return "left"
            if not self._commit():
                self._mailbox.wait(FULL_DISK_WAIT_S)
        self._prober.remember()
        return "left" if self.attend() else "done"

    # --- orders -------------------------------------------------------------------------------

    def attend(self, judging: bool = False) -> bool:
        """Do what is asked between two pieces of work; return whether the run is to be left.

        While judging, the model may wear another version's adapter: nothing is evaluated then.
        """
        left = self._mailbox.look()
        announced = False
        while not left:
            self._answer_requests(judging)
            if not self._mailbox.paused:
                return False
            self._commit()
            if not announced:
                self._context.pipe.send(say.Paused(self._hand.request.run))
                announced = True
            left = self._mailbox.wait(None)
        if self._mailbox.leaving == "stop" and self._commit():
            self._commits.keep_part(self.state)
        return True

    def _answer_requests(self, judging: bool) -> None:
        if self._mailbox.commit_wanted:
            self._mailbox.commit_wanted = False
            self._commit(again=True)
        if self._mailbox.evaluation_wanted and not judging:
            self._mailbox.evaluation_wanted = False
            self._evaluate(math.inf)

    # --- steps --------------------------------------------------------------------------------

    def _step(self) -> bool:
        """Take one step; False when interrupted, with nothing changed."""
        began_s = self._context.clock.monotonic_s()
        content = self._content()
        waited_s = self._context.clock.monotonic_s() - began_s
        step, step_in_run = self.state.step + 1, self.state.step_in_run + 1
        learning_rate = rate(self._schedule, step, step_in_run, self._hand.choices.steps)
        learning_rate *= self._hand.rung.rate_share
        seed = mix(self._hand.request.seed, "step", step)
        result = self._compute(content, learning_rate, seed)
        if not result.applied and not result.interrupted:
            content, result = self._without_offending_rows(content, learning_rate, seed)
        if result.interrupted:
            return False
        seconds = self._context.clock.monotonic_s() - began_s
        times = StepTimes(seconds, waited_s, self._rested_s)
        at = (step, step_in_run)
        metrics = step_metrics(at, content, learning_rate, result, times, self._context.engine)
        self._trained_s += seconds
        self.state = self.state.after(metrics)
        self._context.pipe.send(say.Stepped(self._hand.request.run, metrics))
        for remark in self._context.engine.remarks():
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
            # An order ends it.
            self._mailbox.wait(rest.seconds)
            self._rested_s = self._context.clock.monotonic_s() - began_s

    def _has_jumped(self) -> bool:
        """Go back behind a jump of the loss, with half the rate from there on; not for ever."""
        place = jumped([metrics.loss for metrics in self.state.metrics])
        if place is None:
            return False
        run, layout = self._hand.request.run, self._hand.place
        began = self.state.metrics[place].step_in_run
        why = f"the loss jumped at step {began} of {run}"
        lower = slow_down(self._hand.rung, began, why)
        if lower is None:
            if not self._jump_told:
                self._alert("loss_jumped", f"{why}; the rate has been halved often enough")
            self._jump_told = True
            return False
        # Durable before anything is removed: a kill in between goes on with the new rung.
        runs.append_fallback(layout, replace(lower, at=runs.step_before(layout, began)))
        back = runs.roll_back(layout, began - 1)
        message = f"{why}: back to step {back}, with {lower.rate_share:g} of the learning rate"
        self._alert("loss_jumped", message)
        return True

    def _alert(self, code: str, message: str) -> None:
        self._context.pipe.send(say.Alerted(code, message))

    def _compute(self, content: StepContent, learning_rate: float, seed: int) -> StepResult:
        """Take a step; without a row there is none, or old momentum alone would move the model."""
        if not content.texts:
            return NOT_APPLIED
        self._display.begin()
        return self._context.engine.step(content.passes, learning_rate, seed, self._is_interrupted)

    def _is_interrupted(self) -> bool:
        """Return whether a step is to be left between two passes; wishes wait for its end."""
        if not (self._mailbox.look() or self._mailbox.paused) and (
            rest_s := self._display.rest_s()
        ):
            self._mailbox.wait(rest_s)
            self._display.begin()
        return self._mailbox.look() or self._mailbox.paused

    def _content(self) -> StepContent:
        return self._ahead.step(self.state.step_in_run, self.state.skipped_ids)

    def _without_offending_rows(
        self, content: StepContent, learning_rate: float, seed: int
    ) -> tuple[StepContent, StepResult]:
        """Put the rows aside that spoil a step, and take it with the others in their places.

        Where no row is guilty by itself, the step is left out.
        """
        engine = self._context.engine
        step = self.state.step + 1
        guilty = set()
        for text in content.texts:
            if self._is_interrupted():
                return content, INTERRUPTED
            if not engine.finite_alone(text.encoded, seed):
                guilty.add(text.id)
        if not guilty:
            return content, NOT_APPLIED
        found = tuple(SkippedRow(job, row, step) for job, row in sorted(guilty))
        self.state = replace(self.state, skipped=(*self.state.skipped, *found))
        where = ", ".join(f"row {row} of {job}" for job, row in sorted(guilty))
        message = f"loss or gradient is not finite: {where} will not be trained in this run"
        self._alert("rows_set_aside", message)
        content = self._content()
        return content, self._compute(content, learning_rate, seed)

    # --- evaluations --------------------------------------------------------------------------

    def _looked(self) -> bool:
        """Do what is to be known of this step before the next one; False when interrupted."""
        if self._early_stop.due(self.state):
            # A commit came between the step and its evaluation, and then the end of the process.
            self._evaluate_if_due()
        return not self._early_stop.due(self.state) and self._probed()

    def _probed(self) -> bool:
        """Ask the probes where it is time; False when interrupted."""
        if not self._prober.due(self.state):
            return True
        found = self._prober.ask(self.state, self._budget_s())
        if found is None:
            return False
        self.state, seconds = found
        self._evaluated_s += seconds
        return True

    def _budget_s(self) -> float:
        """Return the seconds that evaluations may still take; below 0 they took more."""
        share = self._settings.evaluation.budget_share
        return share * self._trained_s - self._evaluated_s

    def _evaluate_if_due(self) -> None:
        every = self._settings.evaluation.eval_every
        if not every or self.state.step_in_run % every:
            return
        budget_s, watched = self._budget_s(), self._early_stop.due(self.state)
        # The first one finds out what they cost.
        if watched or not self._cheapest_s or self._cheapest_s <= budget_s + FORGIVEN_S:
            self._evaluate(budget_s, watched)
            return
        share = self._settings.evaluation.budget_share
        message = (
            f"step {self.state.step}: not evaluated, for the evaluations before have used up "
            f"{share:.0%} of the training time (evaluation.budget_share)"
        )
        self._context.pipe.send(say.Noted("evaluation_left_out", message))

    def _evaluate(self, budget_s: float, watched: bool = False) -> None:
        if not (self._samples.chosen or self._validation):
            return
        limits = AnswerLimits(
            self._settings.evaluation.max_new_tokens, self._settings.evaluation.answer_s
        )
        scorer = BatchedAnswering(self._context, self._hand.request.base)
        evaluation = Evaluation(scorer, self._context.clock, limits, self._mailbox.look)
        step = self.state.step
        asked, samples_s = self._samples.asked, self._samples_s()
        found = evaluation.measure(step, self._validation, asked, samples_s)
        if found is None:
            return
        left_out = self._samples.answered(len(found.samples))
        if budget_s < math.inf:
            self._evaluated_s += found.seconds
        self._cheapest_s = min(self._cheapest_s or found.seconds, found.seconds)
        loss = found.validation_loss
        self.state = replace(
            self.state,
            progress=after_evaluation(self.state.progress, step, loss, found.samples),
            validation=(*self.state.validation, *([] if loss is None else [(step, loss)])),
        )
        self._context.pipe.send(
            say.Evaluated(
                self._hand.request.run, step, loss, found.samples, left_out, found.seconds
            )
        )
        if watched:
            self.state = self._early_stop.after(self.state, loss)
            if self._early_stop.is_best(self.state):
                self._commit()

    def _samples_s(self) -> float:
        """Return the seconds that samples may take; once it is known which, as many as they do."""
        periodic = self._settings.evaluation.eval_every > 0
        return self._budget_s() if periodic and not self._samples.known else math.inf

    # --- commits ------------------------------------------------------------------------------

    def _commit(self, again: bool = False) -> bool:
        """Make the state durable; an orphan does not: another trainer may be at the run already."""
        if not self._context.parent_lives():
            self._mailbox.leaving = "stop"
            return False
        committed = self._commits.commit(self.state, again)
        if committed is None:
            return False
        self.state = committed
        return True
