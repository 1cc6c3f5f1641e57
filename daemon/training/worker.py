"""The trainer's life: one order after another, warm in between; knows no step and no MLX."""

from functools import partial
from typing import Literal

from daemon.core import messages as say
from daemon.errors import ModelFault
from daemon.folders import runs
from daemon.layout import RunLayout
from daemon.training.bench import Bench, RunInHand
from daemon.training.candidate import Judge
from daemon.training.desk import Desk
from daemon.training.opening import NothingNew, Refused, open_run
from daemon.training.provenance import libraries
from daemon.training.run import REFUSED_MOST, Training

Next = Literal["stay", "leave"]


class Trainer:
    """Does what the supervisor asks until it says stop or is gone."""

    def __init__(self, bench: Bench, pid: int) -> None:
        self._bench = bench
        self._pid = pid

    def serve(self) -> None:
        """Take orders until the end."""
        pipe = self._bench.pipe
        pipe.send(say.Ready(self._pid, self._bench.engine.device, libraries()))
        for order in pipe.orders():
            match order:
                case say.Prepare(model):
                    self._prepare(model)
                case say.Train(run, _):
                    if self._train(run) == "leave":
                        return
                case say.Abandon():
                    # It crossed with the end of the run it meant.
                    pipe.send(say.Abandoned(""))
                case say.Stop():
                    return

    def _prepare(self, model: str) -> None:
        try:
            facts = self._bench.engine.prepare(self._bench.layout, model)
        except ModelFault as fault:
            self._bench.pipe.send(say.PrepareFailed(model, fault.code, fault.message))
        else:
            self._bench.pipe.send(say.Prepared(model, facts.name))

    def _train(self, run: str) -> Next:
        place = self._bench.layout.run(run)
        if self._report_ended(place, run):
            return "stay"
        desk = Desk(self._bench.pipe)
        attempt = runs.begin_attempt(place)
        try:
            opened = open_run(self._bench, run, attempt, desk.look)
        except ModelFault as fault:
            # The jobs are not guilty of a base or an adapter that cannot be read.
            opened = Refused(fault.code, fault.message)
        match opened:
            case Refused(code, message):
                self._bench.pipe.send(say.RunRefused(run, code, message))
            case NothingNew(message):
                runs.end(place, "nothing_new", "nothing_new", message)
                self._bench.pipe.send(say.RunEnded(run))
            case RunInHand():
                self._carry_out(run, opened, desk)
        return self._leave(run, desk)

    def _report_ended(self, place: RunLayout, run: str) -> bool:
        """Say how a run ended that has ended already: the trainer died before it could be heard."""
        if place.draft.exists():
            self._bench.pipe.send(say.CandidateReady(run))
            return True
        if place.ended.exists():
            self._bench.pipe.send(say.RunEnded(run))
            return True
        return False

    def _carry_out(self, run: str, hand: RunInHand, desk: Desk) -> None:
        pipe, state = self._bench.pipe, hand.state
        pipe.send(
            say.RunBegun(
                run, state.attempt, state.step, state.step_in_run, hand.choices.steps,
                state.progress.as_record(),
            )
        )  # fmt: skip
        training = Training(self._bench, hand, desk)
        how = training.train()
        if how == "failed":
            message = f"{REFUSED_MOST} steps in a row gave a loss or gradient that is not finite"
            runs.end(hand.place, "failed", "not_finite", message)
            pipe.send(say.RunEnded(run))
        elif how == "done":
            pipe.send(say.Judging(run))
            judge = Judge(self._bench, hand, training.state, partial(training.attend, judging=True))
            if judge.judge():
                pipe.send(say.CandidateReady(run))

    def _leave(self, run: str, desk: Desk) -> Next:
        if desk.leaving == "abandon":
            self._bench.pipe.send(say.Abandoned(run))
        return "leave" if desk.leaving == "stop" else "stay"
