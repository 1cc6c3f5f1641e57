"""What people see: folds the workers' reports into progress and writes the status document."""

import os
from dataclasses import astuple, dataclass, replace
from datetime import datetime
from typing import Any

from daemon.core import messages as say
from daemon.core.decisions.decide import blocked
from daemon.core.decisions.snapshot import Snapshot
from daemon.core.status.document import Facts, Measured, OrderView, RunView, document
from daemon.core.status.measurements import Measurement, judgement_of
from daemon.core.training.progress import Metrics, Progress, after_evaluation, after_step
from daemon.core.workspace.jobs import escape
from daemon.core.workspace.orders import REPRODUCTION, SWEEP, kind_of
from daemon.errors import DaemonFault
from daemon.folders.queue.queue import DAMAGED, find_job, read_card
from daemon.supervisor.machine import MachineReadings
from daemon.supervisor.parts import Parts


@dataclass(frozen=True)
class _Attempt:
    run: str
    number: int
    step_in_run: int
    total_steps: int | None
    started_at: datetime
    since_s: float
    committed_step: int | None


@dataclass(frozen=True)
class _Unit:
    order: str
    number: int
    pieces: int
    doing: str
    total_steps: int
    step: int = 0


class Publisher:
    """Holds what the document needs beyond the snapshot."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._progress = Progress()
        self._metrics: Metrics | None = None
        self._attempt: _Attempt | None = None
        self._piece: _Unit | None = None
        self._started_at = parts.clock.now()
        self._started_s = parts.clock.monotonic_s()
        self._boot_id = f"{parts.boot}-{os.getpid()}"
        self._machine = MachineReadings(parts)
        self._told_of: Measured | None = None
        self._judged: Measurement | None = None
        """What the judgement of the version in `_told_of` found."""
        self.error: tuple[str, str] | None = None
        self.disk_full = False
        self.judging = False

    def report(self, report: say.Report) -> None:
        """Fold one report of a worker."""
        match report:
            case say.RunBegun():
                self._begin(report)
            case say.Stepped(run, metrics):
                self._step(run, metrics)
            case say.Evaluated(_, step, loss, samples, _, _):
                self._progress = self._named(after_evaluation(self._progress, step, loss, samples))
            case say.Committed(_, step, _) if self._attempt is not None:
                self._attempt = replace(self._attempt, committed_step=step)
            case say.Judging():
                self.judging = True
            case say.UnitBegun():
                self._piece = _Unit(*astuple(report))
            case say.UnitStepped(_, step) if self._piece is not None:
                self._piece = replace(self._piece, step=step)
            case say.UnitEnded() | say.OrderEnded():
                self._piece = None
            case say.CandidateReady() | say.RunEnded() | say.RunRefused() | say.Abandoned():
                self.judging = False

    def _begin(self, report: say.RunBegun) -> None:
        self.judging = False
        self._progress = self._named(report.progress)
        self._told_of = None
        self._attempt = _Attempt(
            run=report.run,
            number=report.attempt,
            step_in_run=report.step_in_run,
            total_steps=report.total_steps,
            started_at=self._parts.clock.now(),
            since_s=self._parts.clock.monotonic_s(),
            committed_step=report.step,
        )

    def _step(self, run: str, metrics: Metrics) -> None:
        self._metrics = metrics
        self._progress = after_step(self._progress, metrics)
        if self._attempt is not None:
            self._attempt = replace(self._attempt, step_in_run=metrics.step_in_run)
        attempt = self._attempt.number if self._attempt else 0
        self._parts.status.metrics(
            {
                "time": self._parts.clock.now().isoformat(),
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
        place = find_job(self._parts.layout, job)
        try:
            return job if place is None else escape(read_card(place).name)
        except (OSError, DaemonFault, *DAMAGED):
            return job

    def publish(  # long: a fact a line
        self, seen: Snapshot, status: str | None, leftovers: tuple[Any, ...]
    ) -> str:
        """Write the document and return the state it tells, in a sentence."""
        self._remember(seen)
        self._machine.look(self._metrics)
        state, message = (status, _of_the_end(status, seen)) if status else self._state(seen)
        version = seen.version
        parts = self._parts
        facts = Facts(
            status=state,
            message=message,
            now=parts.clock.now(),
            seq=parts.journal.next_seq(),
            boot_id=self._boot_id,
            pid=os.getpid(),
            daemon_started_at=self._started_at,
            uptime_s=parts.clock.monotonic_s() - self._started_s,
            model=parts.settings.now.model,
            log_file=str(parts.layout.log_file.relative_to(parts.layout.root)),
            progress=self._progress,
            measured=self._measured(seen),
            judged=None if self._in_hand(seen) else self._judged,
            metrics=self._metrics,
            committed_step=self._attempt.committed_step if self._attempt else None,
            run=self._run_view(seen),
            order=self._order_view(seen),
            queue=parts.queue.counts(),
            current=seen.current,
            lineage=version.lineage if version else None,
            step=version.step if version else 0,
            alerts=tuple(parts.journal.alerts.values()),
            error=self.error,
            answers=tuple(parts.journal.answers),
            memory=self._machine.memory,
            disk=self._machine.disk(),
            gpu=self._machine.gpu,
            watcher=parts.watcher.state,
            leftovers=tuple(
                {"name": escape(item.name), "reason": item.reason} for item in leftovers
            ),
            workers={"intake": parts.intake.pid, "trainer": parts.trainer.pid},
        )
        parts.status.publish(document(facts))
        return facts.status if status else f"{state}: {message}"

    def _remember(self, seen: Snapshot) -> None:
        """Outside a run, tell the histories of the current version, whatever the last run did."""
        version, told = seen.version, self._told_of
        if version is None or self._in_hand(seen) is not None:
            return
        if told is not None and told.version == version.version:
            return
        state = self._parts.models.training_state(version.version)
        self._progress = self._named(Progress() if state is None else state.progress)
        files = tuple(self._file_of(job) for job in version.job_ids)
        before = version.step - (0 if state is None else state.step_in_run)
        self._told_of = Measured(version.run, files, before, version.version, version.verdict)
        evaluations = self._parts.models.evaluations(version.version)
        self._judged = judgement_of(evaluations, version.step, version.step - before)

    def _measured(self, seen: Snapshot) -> Measured | None:
        attempt, view = self._in_hand(seen), self._run_view(seen)
        if attempt is None or view is None:
            return self._told_of
        return Measured(attempt.run, view.files, self._progress.step - attempt.step_in_run)

    def _in_hand(self, seen: Snapshot) -> _Attempt | None:
        """Return the attempt whose reports are folded; a run is claimed before it has begun."""
        attempt = self._attempt
        return attempt if attempt and seen.run and attempt.run == seen.run.run else None

    def _state(self, seen: Snapshot) -> tuple[str, str]:
        if self.disk_full:
            return "disk_full", "the disk is full; work goes on by itself when there is room"
        if seen.short_of_space:
            return "waiting_for_space", "the next file needs three times its size of free room"
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
            state = "judging" if self.judging or seen.run.candidate else "training"
            doing = "is judged" if state == "judging" else "is trained"
            waits = "" if seen.trainer.state == "busy" else "; it waits for the trainer"
            return state, f"{seen.run.run} {doing}{waits}"
        if seen.base.name is None:
            doing = f": {seen.trainer.doing}" if seen.trainer.doing else ""
            return "preparing", f"making the base model {seen.base.model} ready{doing}"
        if seen.incoming:
            doing = f": {seen.intake.doing}" if seen.intake.doing else ""
            return "intake", f"reading {len(seen.incoming)} file(s){doing}"
        return "idle", "drop a .jsonl file into inbox/"

    def _order_view(self, seen: Snapshot) -> OrderView | None:
        order, piece = seen.current_order, self._piece
        if order is None:
            return None
        kind = kind_of(order.order)
        assert kind is not None
        if piece is None or piece.order != order.order:
            return OrderView(order.order, kind.name, order.about, "is getting ready")
        return OrderView(
            order.order,
            kind.name,
            order.about,
            piece.doing,
            piece.number,
            piece.pieces,
            piece.step,
            piece.total_steps,
        )

    def _run_view(self, seen: Snapshot) -> RunView | None:
        run = seen.run
        if run is None:
            self._attempt = None
            return None
        names = {card.job: escape(card.name) for card in self._parts.queue.cards("running")}
        attempt = self._attempt if self._attempt and self._attempt.run == run.run else None
        now_s = self._parts.clock.monotonic_s()
        return RunView(
            run=run.run,
            files=tuple(names.get(job, job) for job in run.jobs),
            attempt=attempt.number if attempt else 0,
            step_in_run=attempt.step_in_run if attempt else 0,
            total_steps=attempt.total_steps if attempt else None,
            started_at=attempt.started_at if attempt else self._parts.clock.now(),
            seconds=now_s - attempt.since_s if attempt else 0.0,
        )


def _of_the_end(status: str, seen: Snapshot) -> str:
    """Say what a daemon leaves that is ending, or has ended, and how it goes on."""
    if status == "stopping":
        return "what is under way is saved, then the daemon ends"
    reason = blocked(seen)
    if reason is not None:
        return f"the daemon has ended, and nothing can be trained: {reason}"
    files = len(seen.drops) + len(seen.incoming) + len(seen.queued)
    waits = [f"{seen.run.run} goes on"] if seen.run is not None else []
    waits += [f"{order.order} goes on" for order in seen.orders[:1]]
    waits += [f"{files} file(s) wait"] if files else []
    left = f": {' and '.join(waits)}" if waits else ""
    return f"the daemon has ended; 'finetuned run' starts it again{left}"
