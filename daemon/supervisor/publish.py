"""Folds the workers' reports into progress and writes the status document."""

import os
from dataclasses import dataclass, replace
from datetime import datetime

from daemon.clock import Clock
from daemon.core import messages as say
from daemon.core.decisions.decide import blocked
from daemon.core.decisions.snapshot import Snapshot
from daemon.core.evaluation.benchmarks import benchmarks_of
from daemon.core.records import JsonObject
from daemon.core.status.document import Facts, Measured, OrderView, RunView, document
from daemon.core.status.measurements import Measurement, judgement_of
from daemon.core.training.progress import Metrics, Progress, after_evaluation, after_step
from daemon.core.workspace.jobs import escape
from daemon.core.workspace.orders import REPRODUCTION, SWEEP, kind_of
from daemon.errors import DaemonFault
from daemon.folders.inbox.inbox import Leftover
from daemon.folders.queue.queue import DAMAGED, find_job, read_card
from daemon.supervisor.disk_trouble import DiskTrouble
from daemon.supervisor.journal import Journal
from daemon.supervisor.machine import MachineReadings
from daemon.supervisor.signals import Watcher
from daemon.supervisor.workers import Workers
from daemon.supervisor.workspace import Workspace


@dataclass(frozen=True)
class _Attempt:
    begun: say.RunBegun
    step_in_run: int
    started_at: datetime
    since_s: float
    committed_step: int | None


class Publisher:
    """Holds what the status document needs beyond the snapshot."""

    def __init__(
        self,
        workspace: Workspace,
        workers: Workers,
        watcher: Watcher,
        journal: Journal,
        trouble: DiskTrouble,
        clock: Clock,
    ) -> None:
        self._workspace = workspace
        self._workers = workers
        self._watcher = watcher
        self._journal = journal
        self._trouble = trouble
        self._clock = clock
        self._progress = Progress()
        self._metrics: Metrics | None = None
        self._attempt: _Attempt | None = None
        self._unit: say.UnitBegun | None = None
        self._unit_step = 0
        self._started_at = clock.now()
        self._started_s = clock.monotonic_s()
        self._boot_id = f"{journal.boot}-{os.getpid()}"
        self._machine = MachineReadings(workspace.layout.root, workers, clock)
        self._shown: Measured | None = None
        self._judged: Measurement | None = None
        """The judgement of the version in `_shown`."""
        self._benchmarks: JsonObject | None = None
        self._base_problem: tuple[str, str] | None = None
        """Code and message of why the base model is not ready."""
        self._judging = False

    def report(self, report: say.Report) -> None:
        """Fold in one report of a worker."""
        match report:
            case say.RunBegun():
                self._begin(report)
            case say.Prepared():
                self._base_problem = None
            case say.PrepareFailed(_, code, message):
                self._base_problem = (code, message)
            case say.Stepped(run, metrics):
                self._step(run, metrics)
            case say.Evaluated(_, step, loss, samples, _, _):
                self._progress = self._named(after_evaluation(self._progress, step, loss, samples))
            case say.Committed(_, step, _) if self._attempt is not None:
                self._attempt = replace(self._attempt, committed_step=step)
            case say.Judging():
                self._judging = True
            case say.UnitBegun():
                self._unit, self._unit_step = report, 0
            case say.UnitStepped(_, step):
                self._unit_step = step
            case say.UnitEnded() | say.OrderEnded():
                self._unit = None
            case say.CandidateReady() | say.RunEnded() | say.RunRefused() | say.Abandoned():
                self._judging = False

    def _begin(self, report: say.RunBegun) -> None:
        self._judging = False
        self._progress = self._named(report.progress)
        self._shown = None
        self._attempt = _Attempt(
            begun=report,
            step_in_run=report.step_in_run,
            started_at=self._clock.now(),
            since_s=self._clock.monotonic_s(),
            committed_step=report.step,
        )

    def _step(self, run: str, metrics: Metrics) -> None:
        self._metrics = metrics
        self._progress = after_step(self._progress, metrics)
        if self._attempt is not None:
            self._attempt = replace(self._attempt, step_in_run=metrics.step_in_run)
        attempt = self._attempt.begun.attempt if self._attempt else 0
        self._workspace.status.metrics(
            {
                "time": self._clock.now().isoformat(),
                "run": run,
                "attempt": attempt,
                "gpu_utilisation": self._machine.gpu.get("utilisation"),
                **vars(metrics),
            }
        )

    def _named(self, progress: Progress) -> Progress:
        """Return a progress whose samples and points name the files as they were dropped."""
        unnamed = [point for point in progress.accuracy_by_job if not point.file]
        jobs = {sample.job for sample in progress.recent_samples} | {one.job for one in unnamed}
        names = {job: self._file_of(job) for job in jobs}
        return replace(
            progress,
            recent_samples=tuple(
                replace(sample, job=names[sample.job]) for sample in progress.recent_samples
            ),
            accuracy_by_job=tuple(
                point if point.file else replace(point, file=names[point.job])
                for point in progress.accuracy_by_job
            ),
        )

    def _file_of(self, job: str) -> str:
        place = find_job(self._workspace.layout, job)
        try:
            return job if place is None else escape(read_card(place).name)
        except (OSError, DaemonFault, *DAMAGED):
            return job

    def publish(  # long: a fact a line
        self, seen: Snapshot, status: str | None, leftovers: tuple[Leftover, ...]
    ) -> str:
        """Write the document; return its state as a sentence."""
        if seen.run is None:
            self._attempt = None
        self._remember(seen)
        self._machine.sample(self._metrics)
        state, message = (status, _of_the_end(status, seen)) if status else self._state(seen)
        version, layout, disk = seen.version, self._workspace.layout, self._trouble.error
        facts = Facts(
            status=state,
            message=message,
            now=self._clock.now(),
            seq=self._journal.take_seq(),
            boot_id=self._boot_id,
            pid=os.getpid(),
            daemon_started_at=self._started_at,
            uptime_s=self._clock.monotonic_s() - self._started_s,
            model=seen.base.model,
            log_file=str(layout.log_file.relative_to(layout.root)),
            progress=self._progress,
            measured=self._measured(seen),
            judged=None if self._current_attempt(seen) else self._judged,
            benchmarks=self._benchmarks,
            metrics=self._metrics,
            committed_step=self._attempt.committed_step if self._attempt else None,
            run=self._run_view(seen),
            order=self._order_view(seen),
            queue=self._workspace.queue.counts(),
            current=seen.current,
            lineage=version.lineage if version else None,
            step=version.step if version else 0,
            alerts=tuple(self._journal.alerts.values()),
            error=("disk", disk) if disk is not None else self._base_problem,
            answers=tuple(self._journal.answers),
            memory=self._machine.memory,
            disk=self._machine.disk(),
            gpu=self._machine.gpu,
            watcher=self._watcher.state,
            leftovers=tuple(
                {"name": escape(item.name), "reason": item.reason} for item in leftovers
            ),
            workers={"intake": self._workers.intake.pid, "trainer": self._workers.trainer.pid},
        )
        self._workspace.status.publish(document(facts))
        return facts.status if status else f"{state}: {message}"

    def _remember(self, seen: Snapshot) -> None:
        """Outside a run, show the history of the current version, whatever the last run did."""
        version, shown = seen.version, self._shown
        if version is None or self._current_attempt(seen) is not None:
            return
        if shown is not None and shown.version == version.version:
            return
        state = self._workspace.models.training_state(version.version)
        self._progress = self._named(Progress() if state is None else state.progress)
        files = tuple(self._file_of(job) for job in version.job_ids)
        before = version.step - (0 if state is None else state.step_in_run)
        self._shown = Measured(version.run, files, before, version.version, version.verdict)
        evaluations = self._workspace.models.evaluations(version.version)
        self._judged = judgement_of(evaluations, version.step, version.step - before)
        found = benchmarks_of(evaluations)
        mine: JsonObject = {"version": version.version}
        self._benchmarks = None if found is None else {**mine, **found.as_record()}

    def _measured(self, seen: Snapshot) -> Measured | None:
        attempt, view = self._current_attempt(seen), self._run_view(seen)
        if attempt is None or view is None:
            return self._shown
        return Measured(attempt.begun.run, view.files, self._progress.step - attempt.step_in_run)

    def _current_attempt(self, seen: Snapshot) -> _Attempt | None:
        """Return the attempt at the current run; None until the trainer has begun it."""
        attempt = self._attempt
        return attempt if attempt and seen.run and attempt.begun.run == seen.run.run else None

    def _state(self, seen: Snapshot) -> tuple[str, str]:
        if self._trouble.full:
            return "disk_full", "the disk is full; work resumes when there is room"
        if seen.short_of_space:
            return "waiting_for_space", "the next file needs free space of three times its size"
        reason = blocked(seen)
        if reason is not None:
            return "blocked", reason
        if seen.paused:
            return "paused", "remove control/pause, or run 'finetuned resume'"
        return self._work(seen)

    def _work(self, seen: Snapshot) -> tuple[str, str]:
        order = self._order_view(seen)
        if order is not None:
            trains = order.kind in (SWEEP.name, REPRODUCTION.name)
            state = "training" if trains else "judging"
            return state, f"{order.order} {order.doing}"
        if seen.run is not None:
            state = "judging" if self._judging or seen.run.candidate else "training"
            doing = "is being judged" if state == "judging" else "is being trained"
            waits = "" if seen.trainer.state == "busy" else "; it waits for the trainer"
            return state, f"{seen.run.run} {doing}{waits}"
        if seen.base.name is None:
            doing = f": {seen.trainer.doing}" if seen.trainer.doing else ""
            return "preparing", f"preparing the base model {seen.base.model}{doing}"
        if seen.incoming:
            doing = f": {seen.intake.doing}" if seen.intake.doing else ""
            return "intake", f"reading {len(seen.incoming)} file(s){doing}"
        return "idle", "drop a .jsonl file into inbox/"

    def _order_view(self, seen: Snapshot) -> OrderView | None:
        order, unit = seen.current_order, self._unit
        if order is None:
            return None
        kind = kind_of(order.order)
        assert kind is not None
        if unit is None or unit.order != order.order:
            return OrderView(order.order, kind.name, order.about, "is starting")
        return OrderView(
            order.order,
            kind.name,
            order.about,
            unit.doing,
            unit.unit,
            unit.units,
            self._unit_step,
            unit.total_steps,
        )

    def _run_view(self, seen: Snapshot) -> RunView | None:
        run = seen.run
        if run is None:
            return None
        names = {card.job: escape(card.name) for card in self._workspace.queue.cards("running")}
        attempt = self._current_attempt(seen)
        now_s = self._clock.monotonic_s()
        return RunView(
            run=run.run,
            files=tuple(names.get(job, job) for job in run.jobs),
            attempt=attempt.begun.attempt if attempt else 0,
            step_in_run=attempt.step_in_run if attempt else 0,
            total_steps=attempt.begun.total_steps if attempt else None,
            started_at=attempt.started_at if attempt else self._clock.now(),
            seconds=now_s - attempt.since_s if attempt else 0.0,
        )


def _of_the_end(status: str, seen: Snapshot) -> str:
    """Return what a daemon that ends leaves behind, and how work continues."""
    if status == "stopping":
        return "saving work in progress, then the daemon ends"
    reason = blocked(seen)
    if reason is not None:
        return f"the daemon has ended, and nothing can be trained: {reason}"
    files = len(seen.drops) + len(seen.incoming) + len(seen.queued)
    waits = [f"{seen.run.run} resumes"] if seen.run is not None else []
    waits += [f"{order.order} resumes" for order in seen.orders[:1]]
    waits += [f"{files} file(s) wait"] if files else []
    left = f": {' and '.join(waits)}" if waits else ""
    return f"the daemon has ended; 'finetuned run' starts it again{left}"
