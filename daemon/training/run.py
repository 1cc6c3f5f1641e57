"""The steps of one run, with evaluations and commits in their rhythm; knows no MLX.

What it trains follows from the frozen choices alone: neither evaluations, pauses nor deaths matter.
"""

import errno
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Literal

from daemon.core import messages as say
from daemon.core.plan import mix
from daemon.core.progress import Metrics, after_evaluation
from daemon.core.schedule import Schedule, rate
from daemon.evaluation.periodic import Evaluation
from daemon.folders import runs
from daemon.training.batches import StepContent, holdout_rows, prompts
from daemon.training.bench import Bench, RunInHand
from daemon.training.desk import Desk
from daemon.training.engine import StepResult
from daemon.training.state import COMMITTED_STATE, METRICS

REFUSED_MOST = 5
"""So many steps in a row that were not finite end the run."""

FULL_DISK = (errno.ENOSPC, errno.EDQUOT)
FULL_DISK_WAIT_S = 5.0

How = Literal["done", "left", "failed"]


class Training:
    """One attempt at a run."""

    def __init__(self, bench: Bench, hand: RunInHand, desk: Desk) -> None:
        self._bench = bench
        self._hand = hand
        self._desk = desk
        self._settings = hand.request.settings
        self.state = hand.state
        training = self._settings.training
        self._schedule = Schedule(
            training.learning_rate,
            training.warmup_steps,
            training.rewarm_steps,
            training.decay_share,
            training.decay_floor,
        )
        self._validation = holdout_rows(hand.rows, hand.encoder, hand.choices.tune)
        self._prompts = prompts(hand.rows, hand.encoder, hand.choices.samples)
        self._trained_s = 0.0
        self._evaluated_s = 0.0
        self._committed_step = hand.state.step_in_run if hand.state.step_in_run else -1
        self._looked_s = bench.clock.monotonic_s()

    def train(self) -> How:
        """Take the steps that are left; at "done" the last one is committed."""
        if self.state.step_in_run == 0 and self._settings.evaluation.eval_every:
            self._evaluate(0.0, validate=False)
        while self.state.step_in_run < self._hand.choices.steps:
            if self.attend():
                return "left"
            self._step()
            if self.state.refused_in_a_row >= REFUSED_MOST:
                return "failed"
            self._evaluate_if_due()
            self._commit_if_due()
        return self._finish()

    def _finish(self) -> How:
        while self._committed_step != self.state.step_in_run:
            if self.attend():
                return "left"
            if not self.commit():
                self._desk.wait(FULL_DISK_WAIT_S)
        return "left" if self.attend() else "done"

    # --- orders -------------------------------------------------------------------------------

    def attend(self, judging: bool = False) -> bool:
        """Do what is asked between two pieces of work; return whether the run is to be left.

        While judging, the model may wear another version's adapter: nothing is evaluated then.
        """
        left = self._desk.look()
        announced = False
        while not left:
            self._grant_wishes(judging)
            if not self._desk.paused:
                return False
            self.commit()
            if not announced:
                self._bench.pipe.send(say.Paused(self._hand.request.run))
                announced = True
            left = self._desk.wait(None)
        if self._desk.leaving == "stop":
            self.commit()
        return True

    def _grant_wishes(self, judging: bool) -> None:
        if self._desk.commit_wanted:
            self._desk.commit_wanted = False
            self.commit(again=True)
        if self._desk.evaluation_wanted and not judging:
            self._desk.evaluation_wanted = False
            self._evaluate(float("inf"))

    # --- steps --------------------------------------------------------------------------------

    def _step(self) -> None:
        began_s = self._bench.clock.monotonic_s()
        content = self._hand.data.step(self.state.step_in_run)
        step, step_in_run = self.state.step + 1, self.state.step_in_run + 1
        learning_rate = rate(self._schedule, step, step_in_run, self._hand.choices.steps)
        seed = mix(self._hand.request.seed, "step", step)
        result = self._bench.engine.step(content.passes, learning_rate, seed)
        seconds = self._bench.clock.monotonic_s() - began_s
        metrics = _metrics(step, step_in_run, content, learning_rate, result, seconds)
        self._trained_s += seconds
        self.state = self.state.after(metrics)
        self._bench.pipe.send(say.Stepped(self._hand.request.run, metrics))

    # --- evaluations --------------------------------------------------------------------------

    def _evaluate_if_due(self) -> None:
        every = self._settings.evaluation.eval_every
        if every and self.state.step_in_run % every == 0:
            share = self._settings.evaluation.budget_share
            self._evaluate(max(0.0, share * self._trained_s - self._evaluated_s))

    def _evaluate(self, budget_s: float, validate: bool = True) -> None:
        if not (self._prompts or (validate and self._validation)):
            return
        evaluation = Evaluation(
            self._bench.engine,
            self._bench.clock,
            self._settings.evaluation.max_new_tokens,
            self._desk.look,
        )
        rows = self._validation if validate else []
        step = self.state.step
        found = evaluation.measure(step, rows, self._prompts, budget_s)
        if found is None:
            return
        self._evaluated_s += found.seconds
        loss = found.validation_loss
        self.state = replace(
            self.state,
            progress=after_evaluation(self.state.progress, step, loss, found.samples),
            validation=(*self.state.validation, *([] if loss is None else [(step, loss)])),
        )
        self._bench.pipe.send(
            say.Evaluated(
                self._hand.request.run, step, loss, found.samples, found.left_out, found.seconds
            )
        )

    # --- commits ------------------------------------------------------------------------------

    def _commit_if_due(self) -> None:
        checkpoint = self._settings.checkpoint
        waited_s = self._bench.clock.monotonic_s() - self._looked_s
        by_steps = checkpoint.steps and self.state.step_in_run % checkpoint.steps == 0
        if by_steps or waited_s >= checkpoint.seconds:
            self.commit()

    def commit(self, again: bool = False) -> bool:
        """Make the state durable; False where the disk is full: it is tried again when due.

        An orphan commits nothing: another trainer may be at the run already.
        """
        if not self._bench.parent_lives():
            self._desk.leaving = "stop"
            return False
        self._looked_s = self._bench.clock.monotonic_s()
        fresh = self._committed_step != self.state.step_in_run
        try:
            if fresh:
                keep = self._settings.checkpoint.keep
                runs.commit(self._hand.place, self.state.step_in_run, self._fill, keep)
        except OSError as error:
            if error.errno not in FULL_DISK:
                raise
            message = f"the progress of {self.state.run} cannot be saved: the disk is full"
            self._bench.pipe.send(say.Alerted("disk_full", message))
            return False
        self._committed_step = self.state.step_in_run
        if fresh or again:
            self._bench.pipe.send(
                say.Committed(self.state.run, self.state.step, self.state.step_in_run)
            )
        return True

    def _fill(self, folder: Path) -> None:
        self._bench.engine.save(folder)
        state = json.dumps(self.state.as_record(self._cursor()), allow_nan=False)
        (folder / COMMITTED_STATE).write_text(state, encoding="utf-8")
        metrics = json.dumps([asdict(m) for m in self.state.metrics], allow_nan=False)
        (folder / METRICS).write_text(metrics, encoding="utf-8")

    def _cursor(self) -> dict[str, int]:
        epoch, batch = divmod(self.state.step_in_run, self._hand.data.plan.steps_of_epoch)
        return {"epoch": epoch, "batch": batch}


def _metrics(
    step: int,
    step_in_run: int,
    content: StepContent,
    learning_rate: float,
    result: StepResult,
    seconds: float,
) -> Metrics:
    rows = content.rows
    return Metrics(
        step=step,
        step_in_run=step_in_run,
        epoch=content.epoch,
        loss=result.loss,
        learning_rate=learning_rate,
        gradient_norm=result.gradient_norm,
        applied=result.applied,
        rows=len(rows),
        tokens=sum(len(row.tokens) for row in rows),
        supervised_tokens=sum(int(row.supervised[1:].sum()) for row in rows),
        padded_tokens=sum(item.width * len(item.rows) for item in content.passes),
        seconds=seconds,
        jobs=content.jobs,
        prompt=content.prompt,
    )
