"""Decides what happens to jobs that intake has read, and which waiting one it reads next."""

from operator import attrgetter

from daemon.core.decisions import actions as do
from daemon.core.decisions.snapshot import Snapshot, WorkerState
from daemon.core.workspace.jobs import Incoming, JobCard

INTAKE_DEATHS, INTAKE_READINGS = 3, 10

HUGE_BYTES = 4 * 2**20
"""Reading this much takes seconds, so a file of at most 1/SMALLER of the size is read between."""

SMALLER = 8

PLACE = attrgetter("order")


def incoming(snapshot: Snapshot) -> list[do.Action]:
    """Return the actions for jobs that were read, and the next job to read."""
    read = [job for job in snapshot.incoming if job.report is not None]
    unread = [job for job in snapshot.incoming if job.report is None]
    cards = [job.card for job in unread]
    # Of thousands that wait few were started: only these can have crashed the worker.
    begun = [job for job in unread if job.readings or job.card.intake_deaths]
    found = {job.card: _deadly(job, snapshot.intake) for job in begun}
    deadly = {card: why for card, why in found.items() if why is not None}
    chosen: list[do.Action] = [_route(job) for job in read]
    chosen += [do.EndJob(card, "incoming", "crashed", why) for card, why in deadly.items()]
    waiting = [card for card in cards if card not in deadly] if deadly else cards
    if snapshot.base.name is not None and not snapshot.short_of_space:
        card = _next_intake(snapshot.intake, waiting)
        chosen += [] if card is None else [do.BeginIntake(card)]
    return chosen


def _deadly(job: Incoming, worker: WorkerState) -> str | None:
    """Return why a job is never read again; None if it may be, or is being read now."""
    card = job.card
    if card.intake_deaths >= INTAKE_DEATHS:
        return f"crashed the intake worker {card.intake_deaths} times"
    being_read = card.job == worker.on or card.job in worker.others
    if job.readings >= INTAKE_READINGS and not being_read:
        return f"was started {job.readings} times, and each time the daemon ended during it"
    return None


def _next_intake(worker: WorkerState, waiting: list[JobCard]) -> JobCard | None:
    """Return the job to read now: the first in order, or an urgent one that interrupts another.

    A job that has crashed the worker before never interrupts: it would take the other one with it.
    """
    if worker.state in ("off", "idle"):
        return min(waiting, key=PLACE, default=None)
    held = next((card for card in waiting if card.job == worker.on), None)
    if worker.state != "busy" or worker.others or held is None:
        return None
    others = (card for card in waiting if card is not held and card.intake_deaths == 0)
    return min((card for card in others if _goes_first(card, held)), key=PLACE, default=None)


def _goes_first(card: JobCard, held: JobCard) -> bool:
    """Return whether a job may interrupt the one that is being read."""
    if card.priority != held.priority:
        return card.order < held.order
    return held.size_bytes >= HUGE_BYTES and card.size_bytes * SMALLER <= held.size_bytes


def _route(job: Incoming) -> do.Action:
    assert job.report is not None
    match job.report.verdict:
        case "accepted":
            return do.Enqueue(job.card)
        case "nothing_new":
            return do.EndJob(job.card, "incoming", "nothing_new", job.report.message)
        case "refused":
            return do.EndJob(job.card, "incoming", "refused", job.report.message)
        case "changed":
            return do.PutBack(job.card)
