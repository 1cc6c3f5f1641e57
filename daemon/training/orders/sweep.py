"""A sweep: short trials of different settings, then a report of which was best."""

from functools import partial

from daemon.core import messages as say
from daemon.core.evaluation.results import OrderResult, SweepResult
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
from daemon.training.orders.proposals import Proposal
from daemon.training.orders.runner import (
    OUT_OF_MEMORY,
    Attendance,
    Cause,
    OrderEnd,
    OrderUnit,
    UnitDone,
)
from daemon.training.orders.sweep_report import write_report
from daemon.training.orders.trials import SweepRows, TrialRun
from daemon.training.records.choices import RowId


class SweepWork:
    """One unit for each trial."""

    skipped = "ended on request"

    def __init__(self, context: TrainerContext, order: str, attendance: Attendance) -> None:
        self._context = context
        self._attendance = attendance
        self._place = context.layout.sweep(order)
        self._request = orders.read_request(self._place, SweepRequest)
        self._saved = read_saved(self._request.settings)
        self.settings = self._saved.settings
        self._trials = sweeps.read_trials(self._place)

    def next_unit(self) -> OrderUnit | OrderEnd:
        """Return the next trial, which reports itself once its steps are known."""
        over = why_over(self._request, self._trials)
        if over is not None:
            return OrderEnd("finished", over)
        problem = self._damage()
        if problem is not None:
            return OrderEnd("failed", problem)
        proposal = Proposal(self._request, self._trials)
        number, setting = proposal.number, proposal.setting

        def fail(_cause: Cause, why: str) -> UnitDone:
            return self._done(Trial(number, setting, "failed", (), (), 0, 0.0, why))

        do = partial(self._train, proposal)
        return OrderUnit(number, self._request.trials, None, 0, do, fail)

    def clean_up(self, result: OrderResult) -> None:
        """Remove the rows."""
        sweeps.remove_rows(self._place)

    def _damage(self) -> str | None:
        start = self._request.start_version
        if self._saved.problem is not None or start is None:
            return self._saved.problem
        problem = models.verify(self._context.layout.version(start))
        return None if problem is None else f"the version {start} cannot be used: {problem}"

    def _train(self, proposal: Proposal) -> UnitDone | OrderEnd | None:
        """Train; a setting that runs out of memory fails its own trial, not the sweep."""
        run = TrialRun(
            self._context, self._request, self._common(), proposal.setting, self._attendance
        )
        try:
            trial = run.train(proposal.number, proposal.note_loss, self._place.folder)
        except ModelFault as fault:
            if fault.code != TOO_LITTLE_MEMORY:
                return OrderEnd("failed", fault.message)
            trial = run.failed(proposal.number, fault.message)
        except Exception as error:
            if self._context.engine.trouble(error) != "memory":
                raise
            trial = run.failed(proposal.number, OUT_OF_MEMORY)
        return None if trial is None else self._done(trial)

    def _done(self, trial: Trial) -> UnitDone:
        words = describe(trial.setting, self._request.default)
        ended = trial.why if trial.loss is None else f"loss {trial.loss:.4f}"
        place = f"trial {trial.number} of {self._request.trials}"
        write = partial(sweeps.write_trials, self._place, [*self._trials, trial])
        return UnitDone(f"{place} {trial.outcome}: {words}: {ended}", write)

    def _common(self) -> SweepRows:
        """Return the rows that all trials share, determined by the request alone."""
        request, sweep = self._request, self._request.sweep
        rows = JobRows(self._context.layout, {sweep: self._place.rows})
        train = [(sweep, int(row)) for row in rows.train(sweep).rows]
        chosen = sorted(pick(train, request.rows, request.seed))
        index = rows.holdout(sweep)
        held: list[RowId] = [(sweep, int(row)) for row in index.rows[index.tune]]
        # A small file has only judge rows: the result notes that these were used.
        held = held or [(sweep, int(row)) for row in index.rows]
        most = self.settings.evaluation.judge_rows
        return SweepRows(
            rows,
            tuple((0, row) for _, row in chosen),
            pick_families(held, rows, most, request.seed),
        )

    def finish(self, end: OrderEnd) -> SweepResult:
        """Compare the finished trials."""
        self._context.pipe.send(say.Alive("writing the result of the sweep"))
        common = self._common()
        families = families_of(common.rows, common.held)
        return write_report(
            self._place, self._request, self._trials, end.outcome, end.message, families
        )
