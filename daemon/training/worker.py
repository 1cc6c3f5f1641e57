"""The trainer's main loop: takes orders one after another and keeps the model loaded between."""

from functools import partial
from typing import Literal

from daemon.core import messages as say
from daemon.core.decisions.restart_policy import ProcessAge, RestartBounds, should_restart
from daemon.core.records import NewerRecord
from daemon.core.training.fallback import describe, fallback_at, next_fallback, no_fallback_left
from daemon.errors import ModelFault
from daemon.folders.runs import left_out as left_out_file
from daemon.folders.runs import runs
from daemon.layout_jobs import RunLayout
from daemon.model.interruption import Interrupted
from daemon.settings import TrainerSettings
from daemon.settings_records import read_saved
from daemon.training.context import CurrentRun, TrainerContext
from daemon.training.judging.candidate import CandidateJudge
from daemon.training.machine.answering import halve, take_answering_count
from daemon.training.machine.compute_plan import worked_with
from daemon.training.machine.facts import remember
from daemon.training.mailbox import OrderMailbox
from daemon.training.orders.dispatch import runner_for
from daemon.training.preparation import PREPARATION, PreparationProgress
from daemon.training.records.provenance import libraries
from daemon.training.records.state import RunState
from daemon.training.run.loop import REFUSED_MOST, How, TrainingLoop
from daemon.training.run.opening import CannotStart, NothingLeft, frozen_choices, open_run
from daemon.training.run.untrained_rows import left_out, why_nothing_left

Next = Literal["stay", "leave"]

SHORTAGES_MOST = 3
"""After so many shortages of memory before its choices are frozen a run is refused."""

LONGEST_WAIT_S = 60.0
"""The longest single wait for a lost device, in seconds."""


class Trainer:
    """Carries out the supervisor's orders until it sends `Stop` or closes the pipe."""

    def __init__(self, context: TrainerContext, pid: int) -> None:
        self._context = context
        self._pid = pid
        self._runs = 0
        self._first_bytes: int | None = None

    def serve(self) -> None:
        """Process orders until the end, or until a fresh trainer should take over."""
        pipe = self._context.pipe
        pipe.send(say.Ready(self._pid, self._context.engine.device, libraries()))
        for order in pipe.orders():
            match order:
                case say.Prepare(model):
                    if self._prepare(model) == "leave":
                        return
                case say.Train(run, after):
                    if self._train(run, after) == "leave":
                        return
                case say.CarryOut(named):
                    if self._carry_out(named) == "leave":
                        return
                case say.Abandon():
                    # Sent before the supervisor knew that the run it meant had ended.
                    pipe.send(say.Abandoned(""))
                case say.Stop():
                    return

    def _prepare(self, model: str) -> Next:
        attendance = PreparationProgress(self._context)
        try:
            facts = self._context.engine.prepare(self._context.layout, model, attendance)
        except Interrupted:
            return self._leave(PREPARATION, attendance.mailbox, TrainerSettings())
        except ModelFault as fault:
            failed = say.PrepareFailed(model, fault.code, fault.message, fault.passing)
            self._context.pipe.send(failed)
        except NewerRecord as newer:
            self._context.pipe.send(say.PrepareFailed(model, newer.code, newer.message))
        else:
            self._context.pipe.send(say.Prepared(model, facts.name))
            self._report_template(facts.name)
        return "leave" if attendance.mailbox.leaving == "stop" else "stay"

    def _report_template(self, base: str) -> None:
        """Report what this base cannot be taught, before the first row is refused for it."""
        for sentence in self._context.encoder(
            self._context.layout.base(base)
        ).abilities.sentences():
            self._context.pipe.send(say.Noted("chat_template", sentence))

    def _train(self, run: str, after: Literal["memory", "device"] | None) -> Next:
        place = self._context.layout.run(run)
        if self._report_ended(place, run):
            return "stay"
        try:
            return self._train_in(place, run, after)
        except NewerRecord as newer:
            # The release that wrote it can go on with the run, from its last commit.
            self._context.pipe.send(say.RunRefused(run, newer.code, newer.message))
            return "leave"

    def _train_in(
        self, place: RunLayout, run: str, after: Literal["memory", "device"] | None
    ) -> Next:
        mailbox = OrderMailbox(self._context.pipe)
        if self._halve_answers(place, after):
            after = None
        if after == "memory" and not self._fall_back(place, run, "the last trainer died of it"):
            return "stay"
        if after == "device" and not self._wait_for_device(run, mailbox):
            self._leave(run, mailbox, self._settings_of(place))
            # A process that lost its device may never get it back; a new one may.
            return "leave"
        while self._attempt(place, run, mailbox) == "again" and not mailbox.poll():
            pass
        return self._leave(run, mailbox, self._settings_of(place))

    def _settings_of(self, place: RunLayout) -> TrainerSettings:
        # Only the trainer's own table: how it lives does not depend on what the run learns.
        return read_saved(runs.read_request(place).settings).settings.trainer

    def _carry_out(self, order: str) -> Next:
        mailbox = OrderMailbox(self._context.pipe)
        work = runner_for(self._context, order, mailbox)
        work.go_on()
        self._runs += 1
        return self._leave(order, mailbox, work.settings.trainer)

    def _report_ended(self, place: RunLayout, run: str) -> bool:
        """Report the end of a run that is over: the last trainer died before its report arrived."""
        if place.draft.exists():
            self._context.pipe.send(say.CandidateReady(run))
            return True
        if place.ended.exists():
            self._context.pipe.send(say.RunEnded(run))
            return True
        return False

    # --- one attempt --------------------------------------------------------------------------

    def _attempt(
        self, place: RunLayout, run: str, mailbox: OrderMailbox
    ) -> Literal["again", "over"]:
        attempt = runs.begin_attempt(place)
        try:
            opened = open_run(self._context, run, attempt, mailbox.poll)
        except ModelFault as fault:
            # An unreadable base or adapter is not the fault of the jobs.
            opened = CannotStart(fault.code, fault.message, fault.passing)
        except Exception as error:
            if self._context.engine.trouble(error) != "memory":
                raise
            return self._again(self._fall_back(place, run, str(error)))
        match opened:
            case CannotStart(code, message, passing):
                self._context.pipe.send(say.RunRefused(run, code, message, passing))
            case NothingLeft(outcome, message):
                self._end(place, run, outcome, outcome, message)
            case CurrentRun():
                return self._carry_on(run, opened, mailbox)
        return "over"

    def _again(self, again: bool) -> Literal["again", "over"]:
        return "again" if again else "over"

    def _carry_on(
        self, run: str, current: CurrentRun, mailbox: OrderMailbox
    ) -> Literal["again", "over"]:
        pipe, state = self._context.pipe, current.state
        pipe.send(
            say.RunBegun(
                run,
                state.attempt,
                state.step,
                state.step_in_run,
                current.end,
                state.progress,
            )
        )
        training = TrainingLoop(self._context, current, mailbox)
        how = training.train()
        if how == "done":
            how = self._judge(run, current, training)
        match how:
            case "failed":
                message = (
                    f"{REFUSED_MOST} steps in a row gave a loss or gradient that is not finite"
                )
                self._end(current.place, run, "failed", "not_finite", message)
            case "nothing_left":
                self._end_without_rows(current, training.state)
            case "memory":
                return self._again(self._fall_back(current.place, run, "a step of it did not fit"))
            case "again":
                return "again"
            case "done" | "left":
                pass
        return "over"

    def _judge(self, run: str, current: CurrentRun, training: TrainingLoop) -> How:
        pipe = self._context.pipe
        pipe.send(say.Judging(run))
        judge = CandidateJudge(
            self._context, current, training.state, partial(training.attend, judging=True)
        )
        try:
            if not judge.judge():
                return "left"
        except Exception as error:
            if self._context.engine.trouble(error) != "memory":
                raise
            return "memory"
        if current.fallback != current.choices.fallback:
            remember(self._context, current.request.base, worked_with(current.fallback))
        self._runs += 1
        pipe.send(say.CandidateReady(run))
        return "done"

    def _end_without_rows(self, current: CurrentRun, state: RunState) -> None:
        request, choices, run = current.request, current.choices, current.request.run
        # Written first: whoever reads how the run ended reads these too.
        left_out_file.write(
            current.place.folder, left_out(request, choices, current.rows, state.skipped)
        )
        outcome, message = why_nothing_left(request, choices, state.skipped)
        self._end(current.place, run, outcome, outcome, message)

    def _end(self, place: RunLayout, run: str, outcome: str, code: str, message: str) -> None:
        runs.end(place, outcome, code, message)
        self._context.pipe.send(say.RunEnded(run))

    # --- trouble ------------------------------------------------------------------------------

    def _fall_back(self, place: RunLayout, run: str, why: str) -> bool:
        """Choose the next memory fallback; return False if none is left: the run has failed."""
        choices = frozen_choices(self._context, place)
        if choices is None or choices.libraries != libraries():
            return self._count_shortage(place, run, why)
        fallbacks = [choices.fallback, *runs.read_fallbacks(place)]
        at = runs.step_of(runs.newest_checkpoint(place)[0])
        fallback = fallback_at(fallbacks, at)
        assert fallback is not None, "the first one applies from step 0"
        lower = next_fallback(fallback, choices.longest, at, f"memory ran out: {why}"[:300])
        if lower is None:
            self._end(place, run, "failed", "out_of_memory", no_fallback_left(fallback))
            return False
        runs.append_fallback(place, lower)
        message = f"memory ran out in {run}; it resumes from step {at} with {describe(lower)}"
        self._context.pipe.send(say.Alerted("out_of_memory", message))
        return True

    def _halve_answers(self, place: RunLayout, after: Literal["memory", "device"] | None) -> bool:
        """Halve the answers generated at once where generating them is what ran out of memory."""
        base = runs.read_request(place).base
        count = take_answering_count(self._context, base)
        if after != "memory" or count <= 1:
            return False
        halve(self._context, base, count)
        return True

    def _count_shortage(self, place: RunLayout, run: str, why: str) -> bool:
        """Count a shortage before the choices were frozen: there is no fallback to take yet."""
        times = runs.count_shortage(place)
        if times < SHORTAGES_MOST:
            message = f"memory ran out before {run} could start ({why[:200]}); it is tried again"
            self._context.pipe.send(say.Alerted("out_of_memory", message))
            return True
        # Once there is memory, a new start of the run has all its tries again.
        runs.forget_shortages(place)
        message = (
            f"memory ran out {times} times before {run} could start ({why[:200]}): free memory, or "
            "choose a smaller or 4-bit model"
        )
        self._context.pipe.send(say.RunRefused(run, "out_of_memory", message))
        return False

    def _wait_for_device(self, run: str, mailbox: OrderMailbox) -> bool:
        """Poll a lost device, with longer and longer waits, until it computes again."""
        wait_s = 1.0
        while not self._context.engine.alive():
            if wait_s > LONGEST_WAIT_S:
                message = f"{self._context.engine.device} no longer computes: restart the machine"
                self._context.pipe.send(say.RunRefused(run, "device_lost", message))
                return False
            self._context.pipe.send(say.Alive("waiting for the device"))
            if mailbox.wait(wait_s):
                return False
            wait_s *= 2
        return True

    # --- the end ------------------------------------------------------------------------------

    def _leave(self, on: str, mailbox: OrderMailbox, settings: TrainerSettings) -> Next:
        if mailbox.leaving == "abandon":
            self._context.pipe.send(say.Abandoned(on))
        if mailbox.leaving == "stop":
            return "leave"
        self._context.engine.rest()
        return "leave" if self._should_restart(settings) else "stay"

    def _should_restart(self, settings: TrainerSettings) -> bool:
        """Return whether a fresh trainer should take over; it is started when there is work."""
        in_use = self._context.engine.memory()
        # The peak is long past; the footprint is what the system kills by.
        footprint = in_use.get("footprint") or max(in_use.values(), default=0)
        if self._runs and self._first_bytes is None:
            self._first_bytes = footprint
        age = ProcessAge(self._context.engine.traces, footprint, self._first_bytes, self._runs)
        bounds = RestartBounds(settings.max_traces, settings.max_growth, settings.max_runs)
        why = should_restart(age, bounds)
        if why is not None:
            message = f"the trainer exits and a fresh one takes over: {why}"
            self._context.pipe.send(say.Noted("trainer_worn", message))
        return why is not None
