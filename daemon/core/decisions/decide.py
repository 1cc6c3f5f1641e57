"""Decides the next actions from a snapshot; every rule of the daemon is applied here.

Each function is responsible for one folder. The next tick sees what this one did, so no function
plans ahead.
"""

from dataclasses import replace
from operator import attrgetter

from daemon.core.decisions import actions as do
from daemon.core.decisions.audits import audit_due, settle
from daemon.core.decisions.blocking import is_due, is_outdated
from daemon.core.decisions.intake_turns import incoming
from daemon.core.decisions.obey import obey
from daemon.core.decisions.promotion import decide_verdict
from daemon.core.decisions.scheduling import gather, poison
from daemon.core.decisions.silence import silence_limit_s
from daemon.core.decisions.snapshot import RunOnDisk, Snapshot, WorkerState
from daemon.core.decisions.tries import may_try_again
from daemon.core.decisions.unused import not_used, ways_to_use
from daemon.core.workspace.jobs import Outcome, Queued
from daemon.core.workspace.orders import AUDIT, kind_of
from daemon.core.workspace.versions import Version, fit_problem

CLAIMS_A_TICK = 8
"""Claims wait for the disk; more of them in one tick would delay everything else."""

NO_ROWS: dict[Outcome, str] = {
    "nothing_new": "every row had been trained before",
    "nothing_left": "none of its rows could be trained",
}
"""Reasons for jobs without trained rows in a run that trained others."""


def decide(snapshot: Snapshot) -> list[do.Action]:
    """Return the next actions, in order."""
    if snapshot.stopping:
        return [do.StopDaemon()]
    requested = obey(snapshot)
    if any(isinstance(action, do.StopDaemon) for action in requested):
        return requested
    repair = _repair_link(snapshot, requested)
    if repair is not None:
        # Nothing can be decided about a run until a version is current.
        return [*requested, *_claims(snapshot), *incoming(snapshot), *repair]
    settling = settle(snapshot) if not requested else []
    if settling:
        # The link may move: the next tick knows what is current.
        return [*_claims(snapshot), *incoming(snapshot), *settling]
    return [
        *requested,
        *_claims(snapshot),
        *incoming(snapshot),
        *_base(snapshot),
        *_unit(snapshot),
        *(_run(snapshot, snapshot.run) if snapshot.run is not None else _next_work(snapshot)),
        *_idle(snapshot),
    ]


def blocked(snapshot: Snapshot) -> str | None:
    """Return why nothing can be trained until the user does something; None if it can.

    A refused run that is retried automatically counts as blocked until it has begun.
    """
    refusal = snapshot.base.refusal or snapshot.refusal
    return refusal.message if refusal is not None else _misfit(snapshot)


def _may_begin(snapshot: Snapshot) -> bool:
    """Return whether to send the run to the trainer, for the first time or again."""
    if snapshot.base.refusal is not None or _misfit(snapshot) is not None:
        return False
    return snapshot.refusal is None or is_due(snapshot.refusal, snapshot.now)


def _misfit(snapshot: Snapshot) -> str | None:
    """Return why the settings do not fit the current version; None if they do."""
    version = snapshot.version
    if version is None:
        return None
    base = snapshot.base
    return fit_problem(version, base.model, base.fingerprint, snapshot.limits.adapter)


def _repair_link(snapshot: Snapshot, requested: list[do.Action]) -> list[do.Action] | None:
    """Point a missing or broken link at the newest complete version that was promoted.

    Each candidate is verified in the background first. None if there is nothing to repair, or
    no version to repair it with.
    """
    if snapshot.current is not None:
        return None
    if any(isinstance(action, do.MoveLink) for action in requested):
        return []
    for name in sorted(snapshot.complete, reverse=True):
        if not snapshot.versions[name].promotes:
            continue
        match snapshot.verified.get(name):
            case None:
                return [do.Verify(name)]
            case True:
                return [do.MoveLink(name, "the link was missing or broken")]
            case False:
                continue
    return None


def _claims(snapshot: Snapshot) -> list[do.Action]:
    if snapshot.short_of_space:
        return []
    return [
        *(do.Claim(drop) for drop in snapshot.drops[:CLAIMS_A_TICK]),
        *(do.PassOn(growth) for growth in snapshot.growths[:1]),
    ]


def _base(snapshot: Snapshot) -> list[do.Action]:
    base = snapshot.base
    if base.name is None:
        due = base.refusal is None or is_due(base.refusal, base.now)
        ready = snapshot.trainer.state in ("off", "idle")
        return [do.PrepareBase(base.model)] if ready and due else []
    if snapshot.current is None and not snapshot.versions:
        return [do.SealBase()]
    return []


def _unit(snapshot: Snapshot) -> list[do.Action]:
    """Keep the trainer on the current unit of an order; a waiting run begins after it."""
    order, trainer = snapshot.current_order, snapshot.trainer
    if order is None or trainer.state == "leaving":
        return []
    if order.skip:
        return [do.LeaveUnit(order.order, "skipped")]
    return _attended(snapshot)


def _attended(snapshot: Snapshot) -> list[do.Action]:
    """Pause or resume the trainer, or end it where it hangs."""
    trainer = snapshot.trainer
    if snapshot.paused and trainer.state == "busy":
        return [do.PauseTrainer()]
    if not snapshot.paused and trainer.state == "paused":
        return [do.ResumeTrainer()]
    if trainer.state == "paused" and trainer.idle_s > snapshot.limits.release_s:
        return [do.EndTrainer("paused for long: this frees its memory")]
    limit_s = silence_limit_s(snapshot.limits.silent_s, trainer.step_s)
    if trainer.state == "busy" and trainer.silent_s > limit_s:
        return [do.EndTrainer(f"silent for {trainer.silent_s:.0f} s", dead=True)]
    return []


def _next_work(snapshot: Snapshot) -> list[do.Action]:
    """Open a run if a job waits, otherwise work on an order; an audit goes before both.

    Whatever is trained on a version that the audit finds worse would be lost with it.
    """
    audits = [order for order in snapshot.orders if kind_of(order.order) == AUDIT]
    if audits:
        return _next_unit(replace(snapshot, orders=tuple(audits)))
    if not snapshot.paused and blocked(snapshot) is None:
        due = audit_due(snapshot)
        if due is not None:
            return [due]
    return _next_run(snapshot) or _next_unit(snapshot)


def _next_unit(snapshot: Snapshot) -> list[do.Action]:
    if snapshot.trainer.state not in ("off", "idle") or snapshot.base.name is None:
        return []
    if snapshot.paused:
        # A skipped order only needs its result written.
        skipped = [order for order in snapshot.orders if order.skip]
        return [do.BeginUnit(skipped[0].order)] if skipped else []
    return [do.BeginUnit(snapshot.orders[0].order)] if snapshot.orders else []


def _next_run(snapshot: Snapshot) -> list[do.Action]:
    stray = [do.ReturnJob(job.card) for job in snapshot.running]
    if stray:
        return [*stray]
    if snapshot.paused or snapshot.current is None or snapshot.base.name is None:
        return []
    if blocked(snapshot) is not None:
        return []
    foreign = [
        do.TakeInAgain(job.card, job.card.priority, why)
        for job in snapshot.queued
        if (why := _miscounted(job, snapshot)) is not None
    ]
    if foreign:
        return [*foreign[:CLAIMS_A_TICK]]
    jobs = gather(snapshot.queued, snapshot.limits.gather_rows)
    return [do.OpenRun(tuple(job.card for job in jobs))] if jobs else []


def _miscounted(job: Queued, snapshot: Snapshot) -> str | None:
    """Return why a job must be read again: edited rows, or tokens counted differently."""
    intake, base = job.intake, snapshot.base
    if job.edited:
        return "its files were edited since they were read; original.jsonl is read again"
    if (intake.tokenizer, intake.template) != (base.tokenizer, base.template):
        return "its tokens were counted for another model"
    if intake.prefix != job.prefix:
        return "its tokens were counted with another prefix than the settings name now"
    if intake.plain_form != job.plain_form:
        return "its rows were read with another template.left_out than the settings have now"
    return None


def _run(snapshot: Snapshot, run: RunOnDisk) -> list[do.Action]:
    sealed = next((v for v in snapshot.versions.values() if v.run == run.run), None)
    if sealed is not None:
        return _finish(snapshot, run, sealed)
    why = _why_abandoned(snapshot, run)
    if why is not None and _held(snapshot.trainer, run):
        return [] if snapshot.trainer.state == "leaving" else [do.AbandonRun(why)]
    if run.skip is not None:
        return _skip(snapshot, run)
    if why is not None:
        return _return_jobs(snapshot, run)
    if run.next_try is not None:
        return [do.RemoveRun(run.run, "tried_again")]
    if run.candidate is not None:
        verdict = decide_verdict(run.candidate.judgement, run.candidate.gate)
        if not run.candidate.judgement.finite:
            return _end_jobs(snapshot, run, "failed", verdict.reasons[0])
        if not run.last_try and may_try_again(run.candidate, verdict):
            return [do.TryAgain(run.run, verdict)]
        return [do.SealCandidate(run.run, verdict)]
    if run.ended is not None:
        return _end_jobs(snapshot, run, run.ended.outcome, run.ended.message)
    return _drive(snapshot, run)


def _why_abandoned(snapshot: Snapshot, run: RunOnDisk) -> str | None:
    """Return why a run is abandoned; None if it goes on."""
    if run.skip is not None:
        return "skipped"
    if snapshot.current != run.start_version:
        return "current_model was moved to another version"
    edited = [job.card.job for job in snapshot.running if job.edited]
    if edited and run.candidate is None and run.ended is None:
        return f"the rows of {', '.join(edited)} were edited"
    refusal, commits = snapshot.refusal, run.attempts.since_step > 0
    if refusal is not None and is_outdated(refusal, snapshot.now, commits):
        return "it was refused, and the settings were edited since it was opened"
    return None


def _drive(snapshot: Snapshot, run: RunOnDisk) -> list[do.Action]:
    """Move the jobs to `running/`, then keep the trainer on the run."""
    if run.frozen_ns is None:
        missing = {job.card.job: job.card for job in snapshot.queued if job.card.job in run.jobs}
        if missing:
            return [do.MoveToRunning(card) for card in missing.values()]
        if len(snapshot.running) < len(run.jobs):
            return _return_jobs(snapshot, run)
    trainer = snapshot.trainer
    if _held(trainer, run):
        return _attended(snapshot)
    reason = poison(run.attempts)
    if reason is not None:
        return _end_jobs(snapshot, run, "crashed", reason)
    if len(snapshot.running) < len(run.jobs):
        # The daemon died while it returned them, or the user removed some.
        return _return_jobs(snapshot, run)
    if snapshot.paused or not _may_begin(snapshot):
        return []
    return [do.BeginRun(run.run)] if trainer.state in ("off", "idle") else []


def _held(trainer: WorkerState, run: RunOnDisk) -> bool:
    return trainer.state != "off" and trainer.on == run.run


def _finish(snapshot: Snapshot, run: RunOnDisk, sealed: Version) -> list[do.Action]:
    """Finish a run whose version is sealed: the link, then the jobs, then the directory (R39)."""
    chosen: list[do.Action] = []
    if sealed.promotes and snapshot.current == sealed.parent:
        chosen.append(do.MoveLink(sealed.version, f"verdict {sealed.verdict}"))
    for job in snapshot.running:
        outcome = sealed.outcome_of(job.card.job)
        trained = job.card.job in sealed.job_ids
        reason = _trained_in(sealed) if trained else NO_ROWS[outcome]
        chosen.append(
            do.EndJob(job.card, "running", outcome, reason, sealed.version if trained else None)
        )
    return [*chosen, do.RemoveRun(run.run, "trained", sealed.version)]


def _trained_in(sealed: Version) -> str:
    """Return the reason of a job that a version was trained on: used, or why not."""
    if sealed.promotes:
        return f"trained in {sealed.version}"
    return f"{not_used(sealed)}; {ways_to_use(sealed)}"


def _end_jobs(snapshot: Snapshot, run: RunOnDisk, outcome: Outcome, why: str) -> list[do.Action]:
    if outcome not in NO_ROWS and len(snapshot.running) > 1:
        return _take_apart(snapshot, run, outcome)
    ends = [do.EndJob(job.card, "running", outcome, why) for job in snapshot.running]
    return [*ends, do.RemoveRun(run.run, outcome)]


def _take_apart(snapshot: Snapshot, run: RunOnDisk, outcome: Outcome) -> list[do.Action]:
    """Try each job of a failing run by itself, so that no good one fails with a bad one."""
    return [
        *(do.ReturnJob(job.card, alone=True) for job in snapshot.running),
        do.RemoveRun(run.run, outcome),
    ]


def _skip(snapshot: Snapshot, run: RunOnDisk) -> list[do.Action]:
    chosen: list[do.Action] = []
    for job in snapshot.running:
        if job.card.job == run.skip:
            chosen.append(do.EndJob(job.card, "running", "skipped", "skipped on request"))
        else:
            chosen.append(do.ReturnJob(job.card))
    return [*chosen, do.RemoveRun(run.run, "skipped")]


def _return_jobs(snapshot: Snapshot, run: RunOnDisk) -> list[do.Action]:
    # An edited job goes last: while it is there, a restart sees why the others were returned.
    running = sorted(snapshot.running, key=attrgetter("edited"))
    return [
        *(do.ReturnJob(job.card) for job in running),
        do.RemoveRun(run.run, "returned"),
    ]


def _idle(snapshot: Snapshot) -> list[do.Action]:
    chosen: list[do.Action] = []
    limit = snapshot.limits.idle_s
    if snapshot.intake.state == "idle" and snapshot.intake.idle_s > limit:
        chosen.append(do.EndIntakeWorker("nothing to do"))
    if (
        snapshot.intake.state == "busy"
        and snapshot.intake.silent_s > snapshot.limits.intake_silent_s
    ):
        silent = f"silent for {snapshot.intake.silent_s:.0f} s on {snapshot.intake.on}"
        chosen.append(do.EndIntakeWorker(silent, dead=True))
    if snapshot.trainer.state == "idle" and snapshot.trainer.idle_s > limit:
        chosen.append(do.EndTrainer("nothing to do"))
    return chosen
