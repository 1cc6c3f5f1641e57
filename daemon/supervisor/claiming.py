"""Makes a settled file a job: by a rename, or of its copy where the inbox is on another volume."""

import errno

from daemon.core.jobs import JobCard
from daemon.core.snapshot import Drop
from daemon.supervisor.parts import Parts


def claim(parts: Parts, drop: Drop) -> JobCard | None:
    """Return the job of a drop; None where it could not be taken now.

    Raises:
        OSError: trouble of the disk; what was moved has been moved back.
    """
    if drop.arrival is not None:
        folder = parts.layout.arriving / drop.arrival
        return parts.queue.adopt(folder, drop.name, drop.priority, drop.size)
    try:
        own = parts.inbox.own_settings(drop)
    except OSError as error:
        parts.inbox.not_claimed(drop, error)
        return None
    card = parts.queue.create(drop.name, drop.priority, own, drop.size)
    place = parts.layout.job("incoming", card.job)
    try:
        parts.inbox.claim(drop, place)
    except OSError as error:
        parts.inbox.put_back(place, drop.name, drop.priority)
        parts.queue.discard("incoming", card.job)
        if error.errno == errno.EXDEV:
            parts.errands.fetch(drop, parts.inbox.files(drop))
        else:
            parts.inbox.not_claimed(drop, error)
        return None
    return card


def unclaim(parts: Parts, card: JobCard) -> str:
    """Have a file that changed while it was read settle again; return what was done, in words."""
    place = parts.layout.job("incoming", card.job)
    if place.source.exists():
        # Its inbox is on another volume, where no rename leads; here nobody writes to it.
        parts.queue.begin_again("incoming", card.job)
        return "it is read again"
    parts.inbox.put_back(place, card.name, card.priority)
    parts.queue.discard("incoming", card.job)
    parts.ledger.forget_job(card.job)
    return "it settles again"
