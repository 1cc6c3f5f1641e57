"""The one thread that owns all decisions: observe, decide, perform, publish, wait."""

from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from daemon.core import actions as do
from daemon.core import messages as say
from daemon.core.decide import blocked, decide
from daemon.core.ledger_rows import evaluation_row
from daemon.core.retention import backups, prune
from daemon.core.scheduling import after_death
from daemon.core.snapshot import Attempts, Snapshot, with_one_sweep
from daemon.errors import ExitCode, is_disk_full
from daemon.supervisor.crew import FULL_REST_S, Died
from daemon.supervisor.keep_awake import KeepAwake
from daemon.supervisor.observe import Observer
from daemon.supervisor.owed import Owed
from daemon.supervisor.parts import Parts
from daemon.supervisor.perform import Performer
from daemon.supervisor.publish import Publisher
from daemon.supervisor.troubles import troubles

HEARTBEAT_S = 2.0
SETTLING_S = 0.2
WATCH_EVERY_S = 5.0
OBEYING = (do.Reply, do.MoveLink, do.Verify, do.Retry, do.NewLineage, do.EndPause)
OBEY_ROUNDS = 300
WITHOUT_EFFECT = (do.Verify, do.AskCheckpoint, do.AskEvaluation, do.PauseTrainer, do.Backup)
"""Actions that only ask: what they lead to is seen later, so the tick may wait after them."""


class Supervisor:
    """One daemon over one workspace, whose lock is held by the caller."""

    def __init__(self, parts: Parts, only_sweep: str | None = None) -> None:
        """With `only_sweep`, everything but that sweep and the control files is left as it is."""
        self._parts = parts
        self._only_sweep = only_sweep
        self._observer = Observer(parts)
        self._performer = Performer(parts, self._observer.forget_base)
        self._publisher = Publisher(parts)
        self._awake = KeepAwake(parts.settings.now.trainer.keep_awake)
        self._leaving = False
        self._told: set[int] = set()
        self._was_paused = False
        self._watched_s = -1e9
        self._mended_with: frozenset[str] | None = None
        self._owed = Owed()

    def run(self, until_idle: bool) -> ExitCode:
        """Work until stopped, or with `until_idle` until nothing is left to do."""
        parts = self._parts
        parts.signals.install()
        while not self._begun():
            if parts.signals.stops:
                self._close()
                return ExitCode.OK
            parts.wakeups.wait(FULL_REST_S)
        parts.notify.ready()
        while True:
            try:
                seen, acted = self.tick()
            except OSError as error:
                # What it did until then stands; what is left is seen by the next look.
                if not is_disk_full(error):
                    raise
                self._no_room(str(error.strerror))
                parts.notify.alive("disk_full")
                parts.wakeups.wait(FULL_REST_S)
                continue
            if self._leaving:
                return self._leave(seen, ExitCode.OK)
            if until_idle and not acted:
                verdict = self._finished(seen)
                if verdict is not None:
                    return self._leave(seen, verdict)
            parts.wakeups.wait(0.0 if acted else self._pause_s(seen))

    def obey_once(self) -> None:
        """Carry the control files out without training: for a command with no daemon alive."""
        self._begin()
        seen = self._observer.look(stopping=False)
        for _ in range(OBEY_ROUNDS):
            wanted = [action for action in decide(seen) if isinstance(action, OBEYING)]
            if not seen.commands and not wanted:
                break
            self._perform(wanted, seen)
            self._parts.wakeups.wait(SETTLING_S)
            seen = self._observer.look(stopping=False)
        self._publisher.publish(seen, "stopped", self._observer.leftovers)
        self._close()

    def tick(self) -> tuple[Snapshot, bool]:
        """Do one round; return what was seen and whether anything was done about it."""
        self._listen()
        if self._parts.settings.refresh():
            self._observer.forget_base()
            self._parts.journal.event("settings", "the edited settings count from the next run")
        seen = self._observer.look(stopping=self._parts.signals.stops > 0)
        if self._only_sweep is not None:
            seen = with_one_sweep(seen, self._only_sweep)
        self._tell(seen)
        self._mend_link(seen)
        actions = decide(seen)
        if not actions and seen.run is None and self._only_sweep is None:
            actions = self._housekeeping(seen)
        acted = self._perform(actions, seen)
        working = seen.run is not None or bool(seen.sweeps)
        self._awake.hold(working and not seen.paused)
        state = self._publisher.publish(seen, None, self._observer.leftovers)
        self._parts.notify.alive(state)
        return seen, acted

    # --- begin and end ------------------------------------------------------------------------

    def _begun(self) -> bool:
        """Begin; false where the disk has no room for it."""
        try:
            self._begin()
        except OSError as error:
            if not is_disk_full(error):
                raise
            self._no_room(str(error.strerror))
            return False
        return True

    def _begin(self) -> None:
        journal = self._parts.journal
        for mended in self._parts.queue.settle_twins():
            journal.event("mended", f"removed the leftover of a crash: {mended}")
        for card in self._parts.queue.unfinished_claims():
            self._performer.perform(do.PutBack(card), self._observer.look(stopping=False))
        for state, card in self._parts.queue.unread():
            again = do.TakeInAgain(card, state, "what intake had found of it cannot be read")
            self._performer.perform(again, self._observer.look(stopping=False))
        for command in self._parts.control.expire():
            self._parts.journal.answer(command, "stale", "it was about another run of the daemon")
            self._parts.control.answered(command)
        journal.event("started", f"finetuned works in {self._parts.layout.root}")
        self._mend_link(self._observer.look(stopping=False))

    def _mend_link(self, seen: Snapshot) -> None:
        """Make a missing or broken link again: the newest verified version that was promoted.

        Tried once for the versions there are: each is read to its last byte.
        """
        if seen.current is not None:
            self._mended_with = None
            return
        if seen.complete == self._mended_with:
            return
        for name in sorted(seen.complete, reverse=True):
            if seen.versions[name].promotes:
                self._parts.errands.verify(name)
        self._parts.errands.settle()
        verified = self._parts.errands.verified()
        good = [name for name, fine in sorted(verified.items()) if fine]
        if good:
            move = do.MoveLink(good[-1], "the link was missing or broken")
            if not self._perform([move], seen):
                return
        self._mended_with = seen.complete

    def _leave(self, seen: Snapshot, verdict: ExitCode) -> ExitCode:
        """End the workers within their budget; a second signal ends them at once."""
        parts = self._parts
        parts.notify.stopping()
        parts.notify.alive(self._publisher.publish(seen, "stopping", self._observer.leftovers))
        parts.intake.leave()
        parts.trainer.leave()
        budget_s = parts.settings.now.trainer.stop_s
        until_s = parts.clock.monotonic_s() + budget_s
        stops = parts.signals.stops
        while not (parts.intake.gone and parts.trainer.gone):
            left_s = until_s - parts.clock.monotonic_s()
            if left_s <= 0 or parts.signals.stops > max(stops, 1):
                parts.intake.kill(wanted=True)
                parts.trainer.kill(wanted=True)
            parts.wakeups.wait(min(max(left_s, 0.0), SETTLING_S))
            self._listen()
        self._listen()
        parts.journal.event("stopped", "finetuned has stopped", code=int(verdict))
        self._publisher.publish(self._observer.look(stopping=True), "stopped", ())
        self._close()
        return verdict

    def _close(self) -> None:
        self._awake.hold(False)
        self._parts.watcher.stop()
        self._parts.errands.close()
        self._parts.ledger.close()

    def _finished(self, seen: Snapshot) -> ExitCode | None:
        """Say how `--until-idle` ends; None while there is anything to do or to wait for."""
        reason = blocked(seen)
        if reason is not None and seen.trainer.state in ("off", "idle"):
            return ExitCode.MODEL if seen.base.problem else ExitCode.BLOCKED
        waiting = seen.drops or seen.settling or seen.incoming or seen.queued or seen.running
        if waiting or seen.sweeps or seen.commands:
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
            try:
                self._performer.perform(action, seen)
            except OSError as error:
                self._disk_trouble(action, error)
                return False
            acted = acted or not isinstance(action, WITHOUT_EFFECT)
        if acted and self._publisher.disk_full:
            self._publisher.disk_full = False
            self._parts.status.reserve()
            self._parts.journal.settle("disk_full")
        return acted

    def _disk_trouble(self, action: do.Action, error: OSError) -> None:
        if is_disk_full(error):
            self._no_room(str(error.strerror))
            return
        message = f"{type(action).__name__} failed: {error}; it is tried again"
        self._publisher.error = ("disk", message)
        self._parts.journal.alert("disk", message)

    def _no_room(self, how: str) -> None:
        self._publisher.disk_full = True
        self._parts.status.release_reserve()
        self._parts.journal.alert("disk_full", f"the disk is full ({how})")

    def _housekeeping(self, seen: Snapshot) -> list[do.Action]:
        failed = self._parts.errands.failed_copies()
        for version, why in failed.items():
            self._parts.journal.alert("backup_failed", f"no second copy of {version}: {why}")
        if failed:
            return []
        models = self._parts.models
        promoted = tuple(name for name, v in sorted(seen.versions.items()) if v.promotes)
        last = (*promoted, seen.current) if seen.current else promoted
        return [
            *prune(seen, models.with_moments()),
            *backups(seen.limits, last, seen.complete, models.kept_backups()),
        ]

    def _pause_s(self, seen: Snapshot) -> float:
        now_s = self._parts.clock.monotonic_s()
        if now_s - self._watched_s > WATCH_EVERY_S:
            self._watched_s = now_s
            self._parts.watcher.keep()
        if seen.settling or seen.commands:
            return SETTLING_S
        notify_s = self._parts.notify.every_s or HEARTBEAT_S
        return min(HEARTBEAT_S, self._parts.settings.now.inbox.rescan_s, notify_s)

    def _tell(self, seen: Snapshot) -> None:
        """Tell, once each, what the user should know of this look."""
        journal = self._parts.journal
        for item in self._observer.leftovers:
            if item.inode not in self._told:
                self._told.add(item.inode)
                message = f"{item.name!a} in inbox/ is no work: {item.reason}"
                journal.event("leftover", message, level="warning", name=ascii(item.name))
        if seen.paused != self._was_paused:
            self._was_paused = seen.paused
            journal.event(
                "paused" if seen.paused else "unpaused",
                "paused by control/pause" if seen.paused else "control/pause is gone",
            )
        problems = troubles(self._parts, self._observer, seen)
        for code, problem in problems.items():
            if problem:
                journal.alert(code, problem)
            else:
                journal.settle(code)

    # --- workers ------------------------------------------------------------------------------

    def _listen(self) -> None:
        for hand in (self._parts.intake, self._parts.trainer):
            reports, died = hand.listen()
            for report in reports:
                if isinstance(report, str):
                    self._parts.journal.event("noise", f"a worker wrote: {report}", level="debug")
                else:
                    self._hear(report)
            if died is not None:
                self._mourn(died, hand is self._parts.trainer)
        self._owed.pay(self._leaving)

    def _hear(self, report: say.Report) -> None:
        journal = self._parts.journal
        self._publisher.report(report)
        match report:
            case say.RunBegun(run, attempt, step, _, total, _):
                message = f"{run} trains {total} steps, from step {step} (attempt {attempt})"
                journal.event("run_begun", message, run=run, attempt=attempt)
            case say.Committed(run, step, _):
                self._performer.progressed(run)
                journal.event("committed", f"{run} committed step {step}", run=run, step=step)
                self._answer("AskCheckpoint", f"committed step {step}")
            case say.Evaluated():
                self._evaluated(report)
            case say.Prepared(model, name):
                self._observer.forget_base()
                journal.event("prepared", f"{model} lies in models/base/{name}")
            case say.PrepareFailed(_, code, message):
                self._observer.base_problem = message
                self._publisher.error = (code, message)
            case say.RunRefused(run, code, message):
                self._observer.refuse(message)
                self._parts.runs.write_attempts(run, self._uncounted(run))
                journal.alert(code, message)
            case say.Paused(run):
                journal.event("trainer_paused", f"{run} waits", run=run)
            case say.Judging(run):
                journal.event("judging", f"{run} is trained; its candidate is judged", run=run)
            case say.Noted(code, message):
                journal.event(code, message)
            case say.TrialBegun(sweep, trial, trials, setting, _):
                message = f"{sweep} tries {setting} (trial {trial} of {trials})"
                journal.event("trial_begun", message, sweep=sweep, trial=trial)
            case say.TrialEnded(sweep, trial, message):
                self._parts.sweeps.progressed(sweep)
                journal.event("trial_ended", f"{sweep}: {message}", sweep=sweep, trial=trial)
            case say.SweepEnded(sweep, message):
                message = f"{sweep} has ended: {message}; see models/sweeps/{sweep}/report.md"
                journal.event("sweep_ended", message, sweep=sweep)
            case say.Alerted(code, message):
                journal.event("alert", message, level="warning", code=code)

    def _evaluated(self, report: say.Evaluated) -> None:
        right = sum(sample.matches for sample in report.samples)
        parts = [f"{right} of {len(report.samples)} samples right"]
        if report.validation_loss is not None:
            parts.append(f"validation loss {report.validation_loss:.3f}")
        if report.left_out:
            parts.append(f"{report.left_out} item(s) left out to keep to the time budget")
        message = f"step {report.step}: {', '.join(parts)}"
        self._parts.journal.event("evaluated", message, run=report.run, step=report.step)
        self._answer("AskEvaluation", message)
        at, items, loss = self._parts.clock.now(), len(report.samples), report.validation_loss
        row = evaluation_row(at.isoformat(), report.run, report.step, loss, right, items)
        self._parts.ledger.put(row)

    def _answer(self, asked: str, message: str) -> None:
        for action in self._performer.asked.pop(asked, []):
            self._parts.journal.answer(action.command, "done", message)
            self._parts.control.answered(action.command)

    def _uncounted(self, run: str) -> Attempts:
        attempts = self._parts.runs.attempts(run)
        return replace(attempts, started=max(0, attempts.started - 1))

    def _mourn(self, died: Died, trainer: bool) -> None:
        """Count a death that was nobody's wish, and say how it happened."""
        run = died.on
        for asked in ("AskCheckpoint", "AskEvaluation") if trainer else ():
            for action in self._performer.asked.pop(asked, []):
                self._parts.journal.answer(action.command, "too_late", "the trainer has ended")
                self._parts.control.answered(action.command)
        if died.full:
            self._no_room(died.how)
        if not trainer and run is not None:
            nobodys_fault = died.wanted or died.full
            counts = {"starts": -1} if nobodys_fault else {"deaths": 1}
            self._owed.add(partial(self._parts.queue.count_intake, run, **counts))
        if died.wanted or died.busy or died.full or run is None:
            if trainer and run is not None and self._parts.runs.has(run):
                # Told to end, it may have run out of memory before it could.
                uncounted = replace(self._uncounted(run), after=died.cause.after)
                self._owed.add(partial(self._parts.runs.write_attempts, run, uncounted))
            if died.wanted and run is not None and self._parts.sweeps.has(run):
                self._parts.sweeps.leave_trial(run)
            if died.busy:
                self._parts.journal.alert("model_busy", "another process uses the model; waiting")
            return
        worker = "trainer" if trainer else "intake worker"
        how = f"{died.how} ({died.cause.kind}: {died.cause.sign})" if died.cause.sign else died.how
        self._parts.journal.event(
            "died", f"the {worker} died on {run}: {how}", level="error", on=run,
            cause=died.cause.kind, stderr=died.stderr[-1500:],
        )  # fmt: skip
        if trainer and run == "prepare":
            self._observer.base_problem = f"the base model could not be prepared: {how}"
        elif trainer and self._parts.sweeps.has(run):
            self._parts.sweeps.count_death(run, how)
        elif trainer:
            attempts = self._parts.runs.attempts(run)
            self._parts.runs.write_attempts(run, after_death(attempts, died.cause, how))
