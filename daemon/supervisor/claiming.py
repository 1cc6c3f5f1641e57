"""Makes a settled file a job: by a rename, or of its copy where the inbox is on another volume.

What is written to it afterwards, it gives back to the inbox as a file of its own.
"""

import errno
import os
from dataclasses import replace
from functools import partial

from daemon.core.decisions import actions as do
from daemon.core.decisions.snapshot import Drop, Growth, Snapshot
from daemon.core.status.ledger_rows import job_row
from daemon.core.workspace.file_names import OWN_SETTINGS, stem_of
from daemon.core.workspace.jobs import JobCard, escape
from daemon.folders.inbox import arrivals, drops, late_writes
from daemon.folders.inbox.inbox import FOLDERS
from daemon.folders.queue import readings
from daemon.supervisor.parts import Parts


def take(parts: Parts, action: do.Claim, _seen: Snapshot) -> None:
    """Make a settled file a job, and tell of it."""
    drop = action.drop
    card = claim(parts, drop)
    if card is None:
        return
    found = parts.layout.job("incoming", card.job).original.stat()
    parts.journal.event(
        "claimed",
        f"took {escape(drop.name)} as {card.job}",
        job=card.job,
        name=escape(drop.name),
        inode=found.st_ino,
        written_ns=found.st_mtime_ns,
    )
    parts.ledger.put(job_row(card))


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
            parts.background.fetch(drop, parts.inbox.files(drop))
        else:
            parts.inbox.not_claimed(drop, error)
        return None
    return card


def unclaim(parts: Parts, card: JobCard) -> str:
    """Have a file that changed while it was read settle again; return what was done, in words."""
    place = parts.layout.job("incoming", card.job)
    if place.source.exists():
        # Its inbox is on another volume, where no rename leads; here nobody writes to it.
        readings.forget(place)
        parts.queue.begin_again("incoming", card.job)
        return "it is read again"
    parts.inbox.put_back(place, card.name, card.priority)
    parts.queue.discard("incoming", card.job)
    parts.ledger.forget_job(card.job)
    return "it settles again"


def pass_on(parts: Parts, action: do.PassOn, _seen: Snapshot) -> None:
    """Make a growth a file in the inbox, once: what a crash left done is found by its name."""
    growth = action.growth
    card, name = growth.card, late_writes.name_of(growth)
    length = _passed(parts, card, name)
    if length is None:
        length = growth.end - growth.begin
        if not _copied(parts, growth, name):
            return
    end = card.passed_on if growth.is_whole else growth.begin + length
    passed = replace(card, passed_on=end, passed_as=growth.found_as)
    parts.queue.update(growth.state, passed)
    message = (
        f"{length} bytes were written to {escape(card.name)} after it was taken in as {card.job}; "
        f"they are {escape(name)} in inbox/ now"
    )
    if growth.is_whole:
        message = (
            f"{escape(card.name)} was written over after it was taken in as {card.job}; as it is "
            f"now it is {escape(name)} in inbox/: what was trained of it is not trained twice, and "
            "changed answers are corrections"
        )
    parts.journal.event("passed_on", message, job=card.job, name=escape(name))


def _copied(parts: Parts, growth: Growth, name: str) -> bool:
    """Put the file into the inbox; false where it takes long and goes on, or has to begin anew."""
    source = parts.layout.job(growth.state, growth.card.job).original
    copy = partial(_drop, parts, growth.card, name, partial(late_writes.copy_to, source, growth))
    try:
        if growth.end - growth.begin > late_writes.PIECE:
            return parts.background.pass_on(name, copy)
        copy()
    except late_writes.StillWritten:
        return False
    return True


def _drop(parts: Parts, card: JobCard, name: str, write: drops.Writer) -> None:
    folder = parts.layout.inbox / FOLDERS[card.priority]
    mate = stem_of(name) + OWN_SETTINGS
    writers = {name: write}
    if card.own_settings and not os.path.lexists(folder / mate):
        writers = {mate: drops.text_of(card.own_settings), **writers}
    drops.put(folder, writers)


def _passed(parts: Parts, card: JobCard, name: str) -> int | None:
    """Return the size of a file of that name, wherever it is by now; None where there is none."""
    lying = parts.inbox.size_of(name, card.priority)
    if lying is not None:
        return lying
    arriving = [drop.size for drop in arrivals.waiting(parts.layout) if drop.name == name]
    known = parts.queue.named(name)
    return next(iter(arriving), known.size_bytes if known is not None else None)
