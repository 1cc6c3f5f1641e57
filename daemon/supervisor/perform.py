"""Performs actions; each leaves the folders in a state that the next snapshot understands."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from daemon.core import messages as say
from daemon.core.decisions import actions as do
from daemon.core.decisions.promotion import sealed
from daemon.core.decisions.snapshot import Snapshot
from daemon.core.decisions.tries import next_try
from daemon.core.records import to_json_value
from daemon.core.status.ledger_rows import job_row, promotion_row, run_record, run_row, version_row
from daemon.core.workspace.intake_context import IntakeContext
from daemon.core.workspace.jobs import STATE_OF_OUTCOME, ending_of, escape
from daemon.core.workspace.untrained import records_of
from daemon.core.workspace.versions import ancestry, jobs_of, untrained_of
from daemon.errors import DaemonFault
from daemon.folders.models import bases, current_model
from daemon.folders.queue import readings, row_files
from daemon.layout import ENDED
from daemon.settings_records import to_record
from daemon.supervisor.auditing import open_audit, settle_audit
from daemon.supervisor.benchmarks import publish_benchmarks
from daemon.supervisor.claiming import pass_on, take, unclaim
from daemon.supervisor.intake_alerts import raise_alerts, settle_alerts
from daemon.supervisor.journal import Journal
from daemon.supervisor.request import open_run
from daemon.supervisor.untrained_rows import report_untrained
from daemon.supervisor.workers import Workers
from daemon.supervisor.workspace import Workspace


class Performer:
    """One method an action."""

    def __init__(  # long: a line each
        self, workspace: Workspace, workers: Workers, journal: Journal
    ) -> None:
        self._workspace = workspace
        self._workers = workers
        self._journal = journal
        self._unanswered: dict[type, list[do.RequestCheckpoint | do.RequestEvaluation]] = {}
        """Requests passed on to the trainer and not answered yet, by kind."""
        self._layout = workspace.layout
        self._methods: dict[type, Callable[[Any, Snapshot], None]] = {
            do.Claim: partial(take, workspace, workers.background, journal),
            do.PassOn: partial(pass_on, workspace, workers.background, journal),
            do.BeginIntake: self._begin_intake,
            do.Enqueue: self._enqueue,
            do.EndJob: self._end_job,
            do.TakeInAgain: self._take_in_again,
            do.PutBack: self._put_back,
            do.PrepareBase: self._prepare_base,
            do.SealBase: self._seal_base,
            do.NewLineage: self._new_lineage,
            do.OpenRun: partial(open_run, workspace, journal),
            do.MoveToRunning: self._move_to_running,
            do.BeginRun: self._begin_run,
            do.PauseTrainer: self._pause_trainer,
            do.ResumeTrainer: self._resume_trainer,
            do.RequestCheckpoint: partial(self._request, say.Checkpoint()),
            do.RequestEvaluation: partial(self._request, say.Evaluate()),
            do.AbandonRun: self._abandon_run,
            do.MarkSkip: self._mark_skip,
            do.EndSeries: self._end_series,
            do.BeginUnit: self._begin_unit,
            do.LeaveUnit: self._leave_unit,
            do.SkipOrder: self._skip_order,
            do.OpenAudit: partial(open_audit, workspace, journal),
            do.SettleAudit: partial(settle_audit, workspace.audits, journal),
            do.ReturnJob: self._return_job,
            do.RemoveRun: self._remove_run,
            do.SealCandidate: self._seal_candidate,
            do.TryAgain: self._try_again,
            do.MoveLink: self._move_link,
            do.Verify: self._verify,
            do.Prune: self._prune,
            do.Backup: self._backup,
            do.RemoveBackup: self._remove_backup,
            do.EndPause: self._end_pause,
            do.Retry: self._retry,
            do.Reply: self._reply,
            do.EndIntakeWorker: self._end_intake_worker,
            do.EndTrainer: self._end_trainer,
        }

    def perform(self, action: do.Action, seen: Snapshot) -> None:
        """Perform an action.

        Raises:
            OSError: the disk refused; a later tick finds and finishes what was half done.
        """
        self._methods[type(action)](action, seen)

    # --- inbox and intake ---------------------------------------------------------------------

    def _begin_intake(self, action: do.BeginIntake, seen: Snapshot) -> None:
        card = replace(action.card, intake_starts=action.card.intake_starts + 1)
        self._workspace.queue.update("incoming", card)
        self._workspace.queue.purge("incoming", card.job)
        base = bases.read_facts(self._layout, self._workspace.settings.now.model)
        assert base is not None
        chain = ancestry(seen.current, seen.versions) if seen.current else ()
        self._workspace.queue.write_context(
            card.job,
            IntakeContext(
                to_json_value(base),
                tuple(job for job in jobs_of(chain) if job != card.job),
                records_of(untrained_of(chain)),
                tuple(j for j in self._workspace.queue.with_holdout() if j != card.job),
                to_record(self._workspace.settings.now),
            ),
        )
        self._workers.intake.begin(say.TakeIn(card.job), card.job)

    def _enqueue(self, action: do.Enqueue, _seen: Snapshot) -> None:
        card = action.card
        report = self._workspace.queue.report(card, "incoming")
        assert report is not None
        place = self._layout.job("incoming", card.job)
        readings.forget(place)
        raise_alerts(self._journal, place)
        seal = row_files.seal_of(place)
        card = replace(card, intake=report, intake_deaths=0, intake_starts=0, seal=seal)
        self._workspace.queue.move(card, "incoming", card.priority)
        message = f"{card.job}: {report.train_rows} rows to train, {report.holdout_rows} held out"
        self._journal.event("queued", message, job=card.job)

    def _end_job(self, action: do.EndJob, seen: Snapshot) -> None:
        state = STATE_OF_OUTCOME[action.outcome]
        card = action.card
        if action.source == "incoming":
            # A worker that died may have left the unpacked copy of its file behind.
            self._workspace.queue.purge("incoming", card.job)
            readings.forget(self._layout.job("incoming", card.job))
            card = replace(card, intake=self._workspace.queue.report(card, "incoming"))
        card = replace(
            card,
            outcome=action.outcome,
            reason=action.reason,
            version=action.version,
            ended_at=self._journal.now(),
            alone=False,
        )
        if action.source == "running":
            report_untrained(self._workspace, card.job, seen)
        self._workspace.queue.move(card, action.source, state)
        settle_alerts(self._journal, card.job)
        level = "warning" if state == "failed" or action.outcome == "not_promoted" else "info"
        message = f"{card.job} is {ending_of(action.outcome, action.reason)}"
        self._journal.event(
            "job_ended",
            message,
            level=level,
            job=card.job,
            state=state,
            outcome=action.outcome,
            version=action.version,
        )
        self._workspace.ledger.put(job_row(card))

    def _take_in_again(self, action: do.TakeInAgain, _seen: Snapshot) -> None:
        queue = self._workspace.queue
        card = replace(
            action.card,
            intake=None,
            intake_deaths=0,
            intake_starts=0,
            seal="",
            outcome=None,
            reason="",
            version=None,
            ended_at=None,
        )
        # The report is removed last: until then, after a crash, the job is still where it was.
        queue.move(card, action.source, "incoming")
        queue.begin_again("incoming", card.job)
        self._workspace.ledger.put(job_row(card))
        self._journal.event("intake_again", f"{card.job}: {action.why}", job=card.job)

    def _put_back(self, action: do.PutBack, _seen: Snapshot) -> None:
        card = action.card
        done = unclaim(self._workspace, card)
        message = f"{escape(card.name)} changed while it was read; {done}"
        self._journal.event("put_back", message, job=card.job)

    # --- base and lineage ---------------------------------------------------------------------

    def _prepare_base(self, action: do.PrepareBase, _seen: Snapshot) -> None:
        self._journal.event("preparing", f"preparing the base model {action.model}")
        self._workers.trainer.begin(say.Prepare(action.model), "prepare")

    def _seal_base(self, _action: do.SealBase, _seen: Snapshot) -> None:
        version = self._new_base()
        self._point(version, "the untouched base", None)

    def _new_base(self) -> str:
        models, settings = self._workspace.models, self._workspace.settings.now
        base = bases.read_facts(self._layout, settings.model)
        assert base is not None
        version = models.seal_base(self._journal.now(), base, to_record(settings))
        self._remember_version(version)
        return version

    def _new_lineage(self, action: do.NewLineage, seen: Snapshot) -> None:
        version = self._new_base()
        self._point(version, "a new lineage on request", seen.current)
        for job in seen.queued:
            why = f"a new lineage begins with {version}"
            self._take_in_again(do.TakeInAgain(job.card, job.card.priority, why), seen)
        self._reply(do.Reply(action.command, "done", f"a new lineage begins with {version}"), seen)

    # --- runs ---------------------------------------------------------------------------------

    def _move_to_running(self, action: do.MoveToRunning, _seen: Snapshot) -> None:
        self._workspace.queue.move(action.card, action.card.priority, "running")

    def _begin_run(self, action: do.BeginRun, seen: Snapshot) -> None:
        attempts = self._workspace.runs.attempts(action.run)
        self._workspace.runs.count_start(action.run, attempts)
        self._workers.trainer.begin(say.Train(action.run, attempts.after), action.run)

    def _pause_trainer(self, _action: do.PauseTrainer, _seen: Snapshot) -> None:
        self._workers.trainer.pause()

    def _resume_trainer(self, _action: do.ResumeTrainer, _seen: Snapshot) -> None:
        self._workers.trainer.send(say.Resume())
        self._journal.event("resumed", "training resumes")

    def _request(
        self, order: say.Order, action: do.RequestCheckpoint | do.RequestEvaluation, _seen: Snapshot
    ) -> None:
        """Pass a request on once; it is answered when the trainer has reported."""
        waiting = self._unanswered.setdefault(type(action), [])
        if all(item.command.token != action.command.token for item in waiting):
            waiting.append(action)
            self._workers.trainer.send(order)

    def take_unanswered(self, kind: type) -> list[do.RequestCheckpoint | do.RequestEvaluation]:
        """Hand over the requests of a kind: whoever takes them answers them."""
        return self._unanswered.pop(kind, [])

    def _abandon_run(self, action: do.AbandonRun, seen: Snapshot) -> None:
        assert seen.run is not None
        message = f"{seen.run.run} is abandoned: {action.why}"
        self._journal.event("run_abandoned", message, run=seen.run.run)
        self._workers.trainer.send(say.Abandon())

    def _mark_skip(self, action: do.MarkSkip, seen: Snapshot) -> None:
        self._workspace.runs.mark_skip(action.run, action.job)
        self._reply(do.Reply(action.command, "done", f"skipping {action.job}"), seen)

    def _end_series(self, action: do.EndSeries, _seen: Snapshot) -> None:
        self._workspace.runs.mark_last_try(action.run)

    # --- orders -------------------------------------------------------------------------------

    def _begin_unit(self, action: do.BeginUnit, _seen: Snapshot) -> None:
        self._workers.trainer.begin(say.CarryOut(action.order), action.order)

    def _leave_unit(self, action: do.LeaveUnit, _seen: Snapshot) -> None:
        message = f"the current unit of {action.order} is left: {action.why}"
        self._journal.event("piece_left", message, order=action.order)
        self._workers.trainer.send(say.Abandon())

    def _skip_order(self, action: do.SkipOrder, seen: Snapshot) -> None:
        self._workspace.orders.skip(action.order)
        self._reply(
            do.Reply(action.command, "done", f"{action.order} ends with its results so far"), seen
        )

    def _return_job(self, action: do.ReturnJob, _seen: Snapshot) -> None:
        card = replace(action.card, alone=action.card.alone or action.alone)
        self._workspace.queue.move(card, "running", card.priority)

    def _remove_run(self, action: do.RemoveRun, _seen: Snapshot) -> None:
        runs = self._workspace.runs
        record = run_record(
            runs.request(action.run), action.version, action.outcome, self._journal.now()
        )
        self._workspace.ledger.put(run_row(runs.end(record)))
        self._journal.event("run_ended", f"{action.run} has ended", run=action.run)

    def _try_again(self, action: do.TryAgain, _seen: Snapshot) -> None:
        runs = self._workspace.runs
        draft, request = runs.draft(action.run), runs.request(action.run)
        assert draft is not None
        run = runs.take_name()
        tried = next_try(request, draft, action.verdict)
        opened = replace(request, run=run, created_at=self._journal.now(), try_=tried)
        runs.open(opened)
        self._workspace.ledger.put(run_row(run_record(opened)))
        message = (
            f"{action.run} is tried again as {run}, with {tried.replay_share:.0%} replay and "
            f"{tried.rate_share:g} of the learning rate: {'; '.join(action.verdict.reasons)}"
        )
        self._journal.event("tried_again", message, run=run, before=action.run)

    # --- versions -----------------------------------------------------------------------------

    def _seal_candidate(self, action: do.SealCandidate, seen: Snapshot) -> None:
        draft = self._workspace.runs.draft(action.run)
        parent = seen.version
        assert draft is not None and parent is not None
        name = self._workspace.models.take_name()
        manifest = sealed(draft, action.verdict, name, parent.lineage, self._journal.now())
        self._workspace.models.seal(self._layout.run(action.run).candidate, manifest)
        version = manifest.version
        reasons = "; ".join(action.verdict.reasons)
        message = f"sealed {version}: {action.verdict.kind}, {reasons}"
        self._journal.event(
            "sealed", message, run=action.run, version=version, verdict=action.verdict.kind
        )
        publish_benchmarks(self._journal, manifest)
        record = run_record(self._workspace.runs.request(action.run), version)
        self._workspace.ledger.put(run_row(record))
        self._remember_version(version)

    def _remember_version(self, name: str) -> None:
        self._workspace.ledger.put(version_row(self._workspace.models.manifest(name)))

    def _move_link(self, action: do.MoveLink, seen: Snapshot) -> None:
        self._point(action.version, action.why, seen.current)

    def _point(self, version: str, why: str, previous: str | None) -> None:
        current_model.point_at(self._layout, version)
        self._workers.background.forget(version)
        usage = self._workspace.models.how_to_use(version)
        message = f"current_model is {version} ({why}); use it: {usage}"
        self._journal.event("promoted", message, version=version, previous=previous, why=why)
        self._workspace.ledger.put(promotion_row(self._journal.now(), version, previous, why))

    def _verify(self, action: do.Verify, _seen: Snapshot) -> None:
        self._workers.background.verify(action.version)

    def _prune(self, action: do.Prune, _seen: Snapshot) -> None:
        self._workspace.models.prune(action.version, action.moments_only)
        what = "moments" if action.moments_only else "weights"
        message = f"removed the {what} of {action.version} by the retention settings"
        self._journal.event("pruned", message, version=action.version)

    def _backup(self, action: do.Backup, _seen: Snapshot) -> None:
        self._workers.background.back_up(action.version)

    def _remove_backup(self, action: do.RemoveBackup, _seen: Snapshot) -> None:
        self._workspace.models.remove_backup(action.version)

    # --- commands -----------------------------------------------------------------------------

    def _end_pause(self, action: do.EndPause, seen: Snapshot) -> None:
        if self._workspace.control.end_pause(action.command.created_ns):
            message = "training resumes" if seen.paused else "it was not paused"
            self._reply(do.Reply(action.command, "done", message), seen)
        else:
            message = "the pause is newer than this resume, so it stays"
            self._reply(do.Reply(action.command, "refused", message), seen)

    def _retry(self, action: do.Retry, seen: Snapshot) -> None:
        queue = self._workspace.queue
        try:
            ended = {card.job: (state, card) for state in ENDED for card in queue.cards(state)}
        except DaemonFault as fault:
            # Unanswered, the request would end the daemon again at the next start.
            self._reply(do.Reply(action.command, "refused", fault.message), seen)
            return
        unknown = [job for job in action.jobs if job not in ended]
        if unknown or not action.jobs:
            named = escape(", ".join(unknown)) or "(no name was given)"
            message = f"no job in done, failed or skipped is called {named}"
            self._reply(do.Reply(action.command, "refused", message), seen)
            return
        for job in action.jobs:
            state, card = ended[job]
            self._take_in_again(do.TakeInAgain(card, state, "queued again on request"), seen)
        message = f"{len(action.jobs)} job(s) go through intake again"
        self._reply(do.Reply(action.command, "done", message), seen)

    def _reply(self, action: do.Reply, _seen: Snapshot) -> None:
        # Answered first, removed second: a crash in between answers twice rather than never.
        self._journal.answer(action.command, action.answer, action.message)
        self._workspace.control.forget(action.command)

    def _end_intake_worker(self, action: do.EndIntakeWorker, _seen: Snapshot) -> None:
        if action.dead:
            message = f"ending the intake worker: {action.why}"
            self._journal.event("intake_ended", message, level="warning")
            self._workers.intake.kill(wanted=False)
        else:
            self._workers.intake.leave()

    def _end_trainer(self, action: do.EndTrainer, _seen: Snapshot) -> None:
        if action.dead:
            message = f"ending the trainer: {action.why}"
            self._journal.event("trainer_ended", message, level="warning")
            self._workers.trainer.kill(wanted=False)
        else:
            self._journal.event("trainer_dismissed", f"stopping the trainer: {action.why}")
            self._workers.trainer.leave()
