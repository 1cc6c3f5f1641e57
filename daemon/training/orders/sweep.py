"""Does the next trial of a sweep, or writes its result when none is left; one order, one piece.

All it goes on from is on the disk: it may die at any instant and loses the trial in hand at most.
"""

from daemon.core import messages as say
from daemon.core.evaluation.sweeps import SweepRequest, Trial, describe, why_over
from daemon.errors import ModelFault
from daemon.folders.models import models
from daemon.folders.orders import orders, sweeps
from daemon.settings_records import read_saved
from daemon.training.context import TrainerContext
from daemon.training.data.batches import families_of
from daemon.training.data.exam_rows import pick, pick_families
from daemon.training.data.rows import JobRows
from daemon.training.machine.compute_plan import TOO_LITTLE_MEMORY
from daemon.training.mailbox import OrderMailbox
from daemon.training.orders.proposals import Proposal
from daemon.training.orders.sweep_report import Ending, write_report
from daemon.training.orders.trials import SweepRows, TrialRun
from daemon.training.records.choices import RowId

STARTS = 3
"""A trial that was begun so often and never ended is what kills the trainer."""


class Sweeping:
    """One order about a sweep."""

    def __init__(self, context: TrainerContext, sweep: str, mailbox: OrderMailbox) -> None:
        self._context = context
        self._mailbox = mailbox
        self._place = context.layout.sweep(sweep)
        self._request = orders.read_request(self._place, SweepRequest)
        self._saved = read_saved(self._request.settings)
        self.settings = self._saved.settings
        self._trials = sweeps.read_trials(self._place)

    def go_on(self) -> None:
        """Do the next piece and report it."""
        result = orders.read_result(self._place)
        if result is not None:
            # The trainer died before it could be heard.
            self._context.pipe.send(say.OrderEnded(self._request.sweep, result["message"]))
            return
        skipped = self._place.skip.exists()
        over = "ended on request" if skipped else why_over(self._request, self._trials)
        if over is not None:
            self._conclude("skipped" if skipped else "finished", over)
            return
        problem = self._damage()
        if problem is not None:
            self._conclude("failed", problem)
            return
        try:
            self._next_trial()
        except ModelFault as fault:
            self._conclude("failed", fault.message)

    def _damage(self) -> str | None:
        start = self._request.start_version
        if self._saved.problem is not None or start is None:
            return self._saved.problem
        problem = models.verify(self._context.layout.version(start))
        return None if problem is None else f"the version {start} cannot be used: {problem}"

    def _next_trial(self) -> None:
        proposal = Proposal(self._request, self._trials)
        starts = orders.begin_unit(self._place, proposal.number)
        if starts >= STARTS:
            why = f"the trainer died {starts} times on it"
            trial: Trial | None = Trial(
                proposal.number, proposal.setting, "failed", (), (), 0, 0.0, why
            )
        else:
            run = TrialRun(
                self._context, self._request, self._common(), proposal.setting, self.attend
            )
            trial = self._train(run, proposal)
        if not self._context.parent_lives():
            # Another trainer may be at the sweep already.
            self._mailbox.leaving = "stop"
        elif trial is None:
            orders.leave_unit(self._place)
        else:
            self._note(trial)

    def _train(self, run: TrialRun, proposal: Proposal) -> Trial | None:
        """Train; a setting for which there is no memory fails by itself, not the sweep."""
        try:
            return run.train(proposal.number, proposal.hopeless, self._place.folder)
        except ModelFault as fault:
            if fault.code != TOO_LITTLE_MEMORY:
                raise
            return run.failed(proposal.number, fault.message)
        except Exception as error:
            if self._context.engine.trouble(error) != "memory":
                raise
            return run.failed(proposal.number, "it ran out of memory")

    def _note(self, trial: Trial) -> None:
        self._trials.append(trial)
        sweeps.write_trials(self._place, self._trials)
        orders.leave_unit(self._place)
        words = describe(trial.setting, self._request.default)
        ended = trial.why if trial.loss is None else f"loss {trial.loss:.4f}"
        place = f"trial {trial.number} of {self._request.trials}"
        message = f"{place} {trial.outcome}: {words}: {ended}"
        self._context.pipe.send(say.UnitEnded(self._request.sweep, trial.number, message))

    def _common(self) -> SweepRows:
        """Return the rows of every trial; they follow from the request alone."""
        request, sweep = self._request, self._request.sweep
        rows = JobRows(self._context.layout, {sweep: self._place.rows})
        train = [(sweep, int(row)) for row in rows.train(sweep).rows]
        chosen = sorted(pick(train, request.rows, request.seed))
        index = rows.holdout(sweep)
        held: list[RowId] = [(sweep, int(row)) for row in index.rows[index.tune]]
        # A small file has only judge rows: the result says that they were looked at.
        held = held or [(sweep, int(row)) for row in index.rows]
        most = self.settings.evaluation.judge_rows
        return SweepRows(
            rows,
            tuple((0, row) for _, row in chosen),
            pick_families(held, rows, most, request.seed),
        )

    def _conclude(self, outcome: Ending, message: str) -> None:
        if not self._context.parent_lives():
            self._mailbox.leaving = "stop"
            return
        self._context.pipe.send(say.Alive("writing the result of the sweep"))
        common = self._common()
        families = families_of(common.rows, common.held)
        said = write_report(self._place, self._request, self._trials, outcome, message, families)
        self._context.pipe.send(say.OrderEnded(self._request.sweep, said))

    def attend(self) -> bool:
        """Look at the orders; wait while paused. Returns whether the trial is to be left."""
        return self._mailbox.attend(self._request.sweep)
