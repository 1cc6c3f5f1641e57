"""The one thread that owns all decisions: observe, decide, perform, publish, wait."""

from collections.abc import Iterable

from daemon.clock import Clock
from daemon.core.decisions import actions as do
from daemon.core.decisions.decide import blocked, decide
from daemon.core.decisions.retention import backups, prune
from daemon.core.decisions.snapshot import Snapshot, with_one_order
from daemon.errors import DaemonFault, ExitCode
from daemon.folders.inbox.inbox import Leftover
from daemon.supervisor.alerts import alerts
from daemon.supervisor.disk_trouble import DiskTrouble
from daemon.supervisor.journal import Journal
from daemon.supervisor.keep_awake import KeepAwake
from daemon.supervisor.notify import Notifier
from daemon.supervisor.observe import Observer
from daemon.supervisor.perform import Performer
from daemon.supervisor.publish import Publisher
from daemon.supervisor.signals import WakeupSources
from daemon.supervisor.worker_reports import WorkerReports
from daemon.supervisor.workers import Workers
from daemon.supervisor.workspace import Workspace

HEARTBEAT_S = 2.0
SETTLING_S = 0.2
WATCH_EVERY_S = 5.0
OBEYING = (do.Reply, do.MoveLink, do.Verify, do.Retry, do.NewLineage, do.EndPause)
OBEY_ROUNDS = 300
WITHOUT_EFFECT = (do.Verify, do.RequestCheckpoint, do.RequestEvaluation, do.PauseTrainer, do.Backup)
"""Actions that only send requests: their effect shows later, so the loop may wait after them."""


class Supervisor:
    """The daemon of one workspace, whose lock the caller holds."""

    def __init__(
        self,
        workspace: Workspace,
        workers: Workers,
        sources: WakeupSources,
        journal: Journal,
        notify: Notifier,
        clock: Clock,
        *,
        only_order: str | None = None,
    ) -> None:
        """With `only_order`, only that order and the control files are worked on."""
        self._workspace = workspace
        self._workers = workers
        self._sources = sources
        self._journal = journal
        self._notify = notify
        self._clock = clock
        self._only_order = only_order
        self._observer = Observer(workspace, workers, clock)
        self._performer = Performer(workspace, workers, journal)
        self._trouble = DiskTrouble(workspace, journal, clock)
        self._publisher = Publisher(
            workspace, workers, sources.watcher, journal, self._trouble, clock
        )
        self._worker_reports = WorkerReports(
            workspace,
            workers,
            journal,
            self._trouble,
            self._observer,
            self._performer,
            self._publisher,
        )
        self._awake = KeepAwake(workspace.settings.now.trainer.keep_awake)
        self._leaving = False
        self._reported: set[Leftover] = set()
        self._was_paused = False
        self._watched_s = -1e9

    def run(self, until_idle: bool) -> ExitCode:
        """Work until stopped, or with `until_idle` until nothing is left to do.

        Raises:
            DiskFault: the workspace is gone, or its disk has been broken for long.
            DaemonFault: a later release wrote what decisions rest on.
        """
        self._sources.signals.install()
        try:
            return self._work(until_idle)
        except DaemonFault as fault:
            self._end_on_fault(fault)
            raise

    @property
    def stopped_by(self) -> int | None:
        """The signal that stopped it; None if none did."""
        return self._sources.signals.stopped_by

    def _work(self, until_idle: bool) -> ExitCode:
        while not self._try_to_begin():
            if self._sources.signals.stops:
                self._close()
                return ExitCode.OK
        self._notify.ready()
        while True:
            try:
                seen, acted = self.tick()
            except OSError as error:
                # What was done until then stands; the next tick sees what is left.
                self._rest(error, "reading the workspace")
                if self._sources.signals.stops:
                    return self._leave(None, ExitCode.OK)
                continue
            if self._leaving:
                return self._leave(seen, ExitCode.OK)
            if until_idle and not acted:
                verdict = self._finished(seen)
                if verdict is not None:
                    return self._leave(seen, verdict)
            self._keep_watch()
            self._sources.wakeups.wait(0.0 if acted else self._pause_s(seen))

    def _rest(self, error: OSError, what: str) -> None:
        """Report a disk error and wait; a signal ends the wait."""
        rest_s = self._trouble.met(error, what)
        state = "disk_full" if self._trouble.full else "disk trouble"
        self._notify.alive(state)
        self._sources.wakeups.wait(rest_s)

    def obey_once(self) -> None:
        """Carry out control files without training, for a command when no daemon runs."""
        self._begin()
        seen = self._observer.observe(stopping=False)
        for _ in range(OBEY_ROUNDS):
            wanted = [action for action in decide(seen) if isinstance(action, OBEYING)]
            if not seen.commands and not wanted:
                break
            self._perform(wanted, seen)
            self._sources.wakeups.wait(SETTLING_S)
            seen = self._observer.observe(stopping=False)
        self._publisher.publish(seen, "stopped", self._observer.leftovers)
        self._close()

    def tick(self) -> tuple[Snapshot, bool]:
        """Do one round; return the snapshot and whether anything was done."""
        self._trouble.check_ground()
        self._worker_reports.listen(self._leaving)
        if self._workspace.settings.refresh():
            self._observer.settings_changed()
            self._journal.event("settings", "the edited settings apply from the next run")
        if self._only_order is None:
            self._workers.server.tend(self._workspace.settings.now.server, self._journal)
        seen = self._observer.observe(stopping=self._sources.signals.stops > 0)
        if self._only_order is not None:
            seen = with_one_order(seen, self._only_order)
        self._announce(seen)
        actions = decide(seen)
        if not actions and seen.run is None and self._only_order is None:
            actions = self._housekeeping(seen)
        acted = self._perform(actions, seen)
        working = seen.run is not None or bool(seen.orders)
        self._awake.hold(working and not seen.paused)
        state = self._publisher.publish(seen, None, self._observer.leftovers)
        self._notify.alive(state)
        return seen, acted

    # --- begin and end ------------------------------------------------------------------------

    def _try_to_begin(self) -> bool:
        """Start up; return False, after a rest, where the disk refused."""
        try:
            self._begin()
        except OSError as error:
            self._rest(error, "the start")
            return False
        return True

    def _begin(self) -> None:
        journal = self._journal
        trained = self._workspace.models.versions().values()
        self._workspace.queue.number_beyond(job for version in trained for job in version.job_ids)
        for mended in self._workspace.queue.settle_duplicate_jobs():
            journal.event("mended", f"removed the leftover of a crash: {mended}")
        for card in self._workspace.queue.unfinished_claims():
            self._performer.perform(do.PutBack(card), self._observer.observe(stopping=False))
        for state, card in self._workspace.queue.unread():
            again = do.TakeInAgain(card, state, "intake's results for it cannot be read")
            self._performer.perform(again, self._observer.observe(stopping=False))
        for command in self._workspace.control.stale():
            self._journal.answer(command, "stale", "it is from before the daemon started")
            self._workspace.control.forget(command)
        journal.event("started", f"finetuned has started in {self._workspace.layout.root}")

    def _end_on_fault(self, fault: DaemonFault) -> None:
        """End without a usable workspace: the workers' last commits stand."""
        self._notify.stopping()
        self._workers.kill()
        if fault.code != "workspace_gone":
            self._journal.event("stopped", fault.message, level="error")
        self._close()

    def _leave(self, seen: Snapshot | None, verdict: ExitCode) -> ExitCode:
        """End the workers within their time budget; a second signal kills them at once."""
        signals = self._sources.signals
        self._notify.stopping()
        if seen is not None:
            state = self._publisher.publish(seen, "stopping", self._observer.leftovers)
            self._notify.alive(state)
        self._workers.leave()
        until_s = self._clock.monotonic_s() + self._workspace.settings.now.trainer.stop_s
        stops = signals.stops
        while not self._workers.gone:
            left_s = until_s - self._clock.monotonic_s()
            if left_s <= 0 or signals.stops > max(stops, 1):
                self._workers.kill()
            self._sources.wakeups.wait(min(max(left_s, 0.0), SETTLING_S))
            self._worker_reports.listen(leaving=True)
        self._worker_reports.listen(leaving=True)
        self._journal.event("stopped", "finetuned has stopped", code=int(verdict))
        try:
            self._publisher.publish(self._observer.observe(stopping=True), "stopped", ())
        except OSError as error:
            self._trouble.met(error, "the last snapshot of the workspace")
        self._close()
        return verdict

    def _close(self) -> None:
        self._awake.hold(False)
        self._sources.watcher.stop()
        self._workers.close()
        self._workspace.ledger.close()

    def _finished(self, seen: Snapshot) -> ExitCode | None:
        """Return the exit code of `--until-idle`; None while there is work to do or wait for."""
        reason = blocked(seen)
        if reason is not None and seen.trainer.state in ("off", "idle"):
            return ExitCode.MODEL if seen.base.refusal else ExitCode.BLOCKED
        waiting = seen.drops or seen.settling or seen.incoming or seen.queued or seen.running
        unsettled = any(audit.outcome is not None and not audit.settled for audit in seen.audits)
        if waiting or seen.orders or seen.commands or unsettled:
            return None
        if seen.run is not None or seen.current is None:
            return None
        return ExitCode.LEFTOVERS if seen.leftovers else ExitCode.OK

    # --- a round ------------------------------------------------------------------------------

    def _perform(self, actions: Iterable[do.Action], seen: Snapshot) -> bool:
        acted = False
        for action in actions:
            if isinstance(action, do.StopDaemon):
                self._leaving = True
                return True
            if self._trouble.resting:
                return False
            try:
                self._performer.perform(action, seen)
            except OSError as error:
                self._trouble.met(error, type(action).__name__)
                return False
            acted = acted or not isinstance(action, WITHOUT_EFFECT)
        if acted:
            self._trouble.over()
        return acted

    def _housekeeping(self, seen: Snapshot) -> list[do.Action]:
        failed = self._workers.background.take_failed_copies()
        for version, why in failed.items():
            self._journal.alert("backup_failed", f"{version} was not backed up: {why}")
        if failed:
            return []
        models = self._workspace.models
        promoted = tuple(name for name, v in sorted(seen.versions.items()) if v.promotes)
        last = (*promoted, seen.current) if seen.current else promoted
        copies = backups(seen.limits, last, seen.complete, models.kept_backups())
        if not any(isinstance(action, do.Backup) for action in copies):
            self._journal.settle("backup_failed")
        return [*prune(seen, models.with_moments()), *copies]

    def _keep_watch(self) -> None:
        """See now and then that file events still come."""
        now_s = self._clock.monotonic_s()
        if now_s - self._watched_s > WATCH_EVERY_S:
            self._watched_s = now_s
            self._sources.watcher.keep()

    def _pause_s(self, seen: Snapshot) -> float:
        if seen.settling or seen.commands:
            return SETTLING_S
        notify_s = self._notify.every_s or HEARTBEAT_S
        return min(HEARTBEAT_S, self._workspace.settings.now.inbox.rescan_s, notify_s)

    def _announce(self, seen: Snapshot) -> None:
        """Publish events and alerts for what is new in this snapshot."""
        journal = self._journal
        # Forgotten with the file: another one may reuse its inode.
        self._reported = {item for item in self._reported if self._workspace.inbox.lies_there(item)}
        for item in self._observer.leftovers:
            if item not in self._reported:
                self._reported.add(item)
                message = f"{item.name!a} in inbox/ is not a training file: {item.reason}"
                journal.event("leftover", message, level="warning", name=ascii(item.name))
        if seen.paused != self._was_paused:
            self._was_paused = seen.paused
            journal.event(
                "paused" if seen.paused else "unpaused",
                "paused by control/pause" if seen.paused else "control/pause is gone",
            )
        problems = alerts(self._workspace, self._observer, seen)
        for code, problem in problems.items():
            if problem:
                journal.alert(code, problem)
            else:
                journal.settle(code)
