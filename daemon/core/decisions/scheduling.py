"""Gathers queued jobs into the next run, and decides when a run has crashed too often."""

from dataclasses import replace

from daemon.core.decisions.deaths import Cause
from daemon.core.decisions.snapshot import Attempts
from daemon.core.workspace.jobs import Queued

DEATHS_SEEN = 3
"""After so many deaths of its trainer without a commit in between a job has failed."""

STARTS_UNSEEN = 10
"""The same where the supervisor died too: a daily power cut is not the job's fault."""


def gather(queued: tuple[Queued, ...], rows: int) -> tuple[Queued, ...]:
    """Take jobs of equal priority and settings from the head until they have `rows` rows."""
    if not queued:
        return ()
    head = queued[0]
    taken = [head]
    total = head.intake.train_rows
    if head.card.alone:
        return (head,)
    for job in queued[1:]:
        if total >= rows or job.card.priority != head.card.priority:
            break
        if job.card.alone or job.card.own_settings != head.card.own_settings:
            break
        taken.append(job)
        total += job.intake.train_rows
    return tuple(taken)


def poison(attempts: Attempts) -> str | None:
    """Return why a run is not tried again; None while it may be."""
    if attempts.seen >= DEATHS_SEEN:
        return f"crashed the trainer {attempts.seen} times ({attempts.last_death})"
    if attempts.counted >= STARTS_UNSEEN:
        how = attempts.last_death or "the daemon dying with them"
        return f"{attempts.counted} starts ended without progress ({how})"
    return None


def uncounted(attempts: Attempts) -> Attempts:
    """Return the count without the last start, whose end was not the run's fault."""
    return replace(attempts, started=max(0, attempts.started - 1), at_attempt=None, begun=True)


def after_death(attempts: Attempts, cause: Cause, how: str) -> Attempts:
    """Return the count after a death that the supervisor saw.

    After a lack of memory or a lost device the next start does something differently: another
    death is not the same crash again, and only the larger bound applies.
    """
    # The start counts even without an attempt: that it died so early was seen.
    died = replace(attempts, last_death=how, after=cause.after, at_attempt=None, begun=True)
    return died if cause.after is not None else replace(died, seen=attempts.seen + 1)
