"""Handles the workers' reports and deaths: events, alerts, counts of attempts, answers."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Literal

from daemon.core import messages as say
from daemon.core.decisions.actions import RequestCheckpoint, RequestEvaluation
from daemon.core.decisions.commands import Answer
from daemon.core.decisions.scheduling import after_death, uncounted
from daemon.core.decisions.snapshot import Attempts
from daemon.core.evaluation.results import EvaluationResult
from daemon.core.status.ledger_rows import evaluation_row, score_rows
from daemon.core.workspace.orders import EVALUATION, kind_of
from daemon.folders.orders.orders import read_result
from daemon.folders.queue import readings
from daemon.layout_jobs import JobLayout
from daemon.supervisor.disk_trouble import DiskTrouble
from daemon.supervisor.journal import Journal
from daemon.supervisor.observe import Observer
from daemon.supervisor.perform import Performer
from daemon.supervisor.publish import Publisher
from daemon.supervisor.retry_queue import RetryQueue
from daemon.supervisor.worker_process import Died
from daemon.supervisor.workers import Workers
from daemon.supervisor.workspace import Workspace


class WorkerReports:
    """Receives the reports of one supervisor's workers."""

    def __init__(
        self,
        workspace: Workspace,
        workers: Workers,
        journal: Journal,
        trouble: DiskTrouble,
        observer: Observer,
        performer: Performer,
        publisher: Publisher,
    ) -> None:
        self._workspace = workspace
        self._workers = workers
        self._journal = journal
        self._observer = observer
        self._performer = performer
        self._publisher = publisher
        self._trouble = trouble
        self._retries = RetryQueue()

    def listen(self, leaving: bool) -> None:
        """Process pending reports; with `leaving`, errors of the disk are ignored.

        Raises:
            OSError: the disk refused; the writes stay queued for the next call.
        """
        for worker in (self._workers.intake, self._workers.trainer):
            reports, died = worker.listen()
            if worker is self._workers.trainer and any(isinstance(r, say.Ready) for r in reports):
                # The trainer reports this once it holds the model.
                self._journal.settle("model_busy")
            for report in reports:
                if isinstance(report, str):
                    self._journal.event("noise", f"a worker wrote: {report}", level="debug")
                else:
                    self._on_report(report)
            if died is not None:
                self._on_death(died, worker is self._workers.trainer)
        self._retries.flush(leaving)

    def _on_report(self, report: say.Report) -> None:
        journal = self._journal
        self._publisher.report(report)
        match report:
            case say.RunBegun(run, attempt, step, _, total, _):
                self._observer.refusals.forget_run(run)
                message = f"{run} trains {total} steps, from step {step} (attempt {attempt})"
                journal.event("run_begun", message, run=run, attempt=attempt)
            case say.Committed(run, step, _):
                self._trouble.over()
                self._retries.add(partial(self._workspace.runs.reset_attempts, run))
                journal.event("committed", f"{run} committed step {step}", run=run, step=step)
                self._answer(RequestCheckpoint, f"committed step {step}")
            case say.Evaluated():
                self._evaluated(report)
            case say.Prepared(model, name):
                self._observer.forget_base()
                self._observer.refusals.forget_base()
                journal.event("prepared", f"{model} is ready in models/base/{name}")
            case say.PrepareFailed(model, code, message, passing):
                self._observer.refusals.refuse_base(model, code, message, passing)
            case say.RunRefused():
                self._refused(report)
            case say.Paused(run):
                journal.event("trainer_paused", f"{run} waits", run=run)
            case say.Judging(run):
                journal.event("judging", f"{run} is trained; now its candidate is judged", run=run)
            case say.Noted(code, message):
                journal.event(code, message)
            case say.UnitBegun() | say.UnitEnded() | say.OrderEnded():
                self._on_order_report(report)
            case say.Alerted("disk_full", message):
                self._trouble.no_room(message)
            case say.Alerted(code, message):
                journal.event("alert", message, level="warning", code=code)

    def _refused(self, report: say.RunRefused) -> None:
        """Remember a refusal; the alert `blocked` stays until the run has started."""
        self._observer.refusals.refuse_run(report)
        # After a lost device the next trainer polls it before it loads anything.
        after: Literal["device"] | None = "device" if report.code == "device_lost" else None
        self._retry_attempts(report.run, lambda known: replace(uncounted(known), after=after))
        self._journal.event(
            "run_refused",
            f"{report.run} cannot start: {report.message}",
            level="warning",
            run=report.run,
            code=report.code,
        )

    def _on_order_report(self, report: say.UnitBegun | say.UnitEnded | say.OrderEnded) -> None:
        journal = self._journal
        match report:
            case say.UnitBegun(order, unit, _, doing, _):
                journal.event("piece_begun", f"{order} {doing}", order=order, piece=unit)
            case say.UnitEnded(order, unit, message):
                self._retries.add(partial(self._workspace.orders.reset_deaths, order))
                journal.event("piece_ended", f"{order}: {message}", order=order, piece=unit)
            case say.OrderEnded(order, message):
                layout = self._workspace.layout
                report_file = layout.order(order).report.relative_to(layout.root)
                message = f"{order} has ended: {message}; see {report_file}"
                journal.event("order_ended", message, order=order)
                self._remember(order)

    def _remember(self, order: str) -> None:
        """Write the scores of an evaluation to the ledger."""
        result = read_result(self._workspace.layout.order(order), EvaluationResult)
        if kind_of(order) == EVALUATION and result is not None:
            for row in score_rows(result):
                self._workspace.ledger.put(row)

    def _evaluated(self, report: say.Evaluated) -> None:
        right = sum(sample.matches for sample in report.samples)
        parts = [f"{right} of {len(report.samples)} samples right"]
        if report.validation_loss is not None:
            parts.append(f"validation loss {report.validation_loss:.3f}")
        if report.left_out:
            parts.append(f"{report.left_out} item(s) left out to stay within the time budget")
        message = f"step {report.step}: {', '.join(parts)}"
        self._journal.event(
            "evaluated",
            message,
            run=report.run,
            step=report.step,
            validation_loss=report.validation_loss,
        )
        self._answer(RequestEvaluation, message)
        at, items, loss = self._journal.now(), len(report.samples), report.validation_loss
        row = evaluation_row(at, report.run, report.step, loss, right, items)
        self._workspace.ledger.put(row)

    def _answer(self, kind: type, message: str, answer: Answer = "done") -> None:
        for action in self._performer.take_unanswered(kind):
            self._journal.answer(action.command, answer, message)
            self._retries.add(partial(self._workspace.control.forget, action.command))

    def _on_death(self, died: Died, trainer: bool) -> None:
        """Count a death that was not requested, and report how it happened."""
        run = died.on
        for kind in (RequestCheckpoint, RequestEvaluation) if trainer else ():
            self._answer(kind, "the trainer has ended", "too_late")
        if died.full:
            self._trouble.no_room(died.how)
        if not trainer and run is not None:
            self._on_intake_death((run, *died.others), died.wanted or died.full)
        if died.wanted or died.busy or died.full or run is None:
            if trainer and run is not None:
                # It may have run out of memory before it could obey the order to end.
                after = died.cause.after
                self._retry_attempts(run, lambda known: replace(uncounted(known), after=after))
            if died.wanted and run is not None and self._workspace.orders.has(run):
                self._retries.add(partial(self._workspace.orders.leave_unit, run))
            if died.busy:
                self._journal.alert("model_busy", "another process uses the model; waiting")
            return
        worker = "trainer" if trainer else "intake worker"
        how = f"{died.how} ({died.cause.kind}: {died.cause.sign})" if died.cause.sign else died.how
        self._journal.event(
            "died",
            f"the {worker} died on {run}: {how}",
            level="error",
            on=run,
            cause=died.cause.kind,
            stderr=died.stderr[-1500:],
        )
        if trainer and run == "prepare":
            self._observer.refusals.count_base_death(how)
        elif trainer and self._workspace.orders.has(run):
            self._retries.add(partial(self._workspace.orders.count_death, run, how))
        elif trainer:
            self._retry_attempts(run, lambda known: after_death(known, died.cause, how))

    def _on_intake_death(self, held: tuple[str, ...], nobodys_fault: bool) -> None:
        """Count a death against the jobs that were being read, not the last one sent."""
        read = [job for job in held if readings.load(self._incoming(job)).open]
        for job in read if nobodys_fault else read or held[:1]:
            if nobodys_fault:
                self._retries.add(partial(readings.leave, self._incoming(job)))
            else:
                self._retries.add(partial(self._workspace.queue.count_intake_death, job))

    def _incoming(self, job: str) -> JobLayout:
        return self._workspace.layout.job("incoming", job)

    def _retry_attempts(self, run: str, change: Callable[[Attempts], Attempts]) -> None:
        """Queue a change of a run's attempts; computed once, however often the write is retried."""
        changed: list[Attempts] = []

        def write() -> None:
            if not self._workspace.runs.has(run):
                return
            if not changed:
                changed.append(change(self._workspace.runs.attempts(run)))
            self._workspace.runs.write_attempts(run, changed[0])

        self._retries.add(write)
