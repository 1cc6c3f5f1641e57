"""Turns a settled file into a job: by a rename, or from a copy if the inbox is on another volume.

What a program writes to the file afterwards goes back to the inbox as a file of its own.
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
from daemon.supervisor.background_tasks import BackgroundTasks
from daemon.supervisor.journal import Journal
from daemon.supervisor.workspace import Workspace


def take(
    workspace: Workspace,
    background: BackgroundTasks,
    journal: Journal,
    action: do.Claim,
    _seen: Snapshot,
) -> None:
    """Turn a settled file into a job, with an event."""
    drop = action.drop
    card = claim(workspace, background, drop)
    if card is None:
        return
    found = workspace.layout.job("incoming", card.job).original.stat()
    journal.event(
        "claimed",
        f"claimed {escape(drop.name)} as {card.job}",
        job=card.job,
        name=escape(drop.name),
        inode=found.st_ino,
        written_ns=found.st_mtime_ns,
    )
    workspace.ledger.put(job_row(card))


def claim(workspace: Workspace, background: BackgroundTasks, drop: Drop) -> JobCard | None:
    """Return the new job of a drop; None if it cannot be claimed now.

    Raises:
        OSError: the disk failed; what was moved has been moved back.
    """
    if drop.arrival is not None:
        folder = workspace.layout.arriving / drop.arrival
        return workspace.queue.adopt(folder, drop.name, drop.priority, drop.size)
    try:
        own = workspace.inbox.own_settings(drop)
    except OSError as error:
        workspace.inbox.note_not_claimed(drop, error)
        return None
    card = workspace.queue.create(drop.name, drop.priority, own, drop.size)
    place = workspace.layout.job("incoming", card.job)
    try:
        workspace.inbox.claim(drop, place)
    except OSError as error:
        workspace.inbox.put_back(place, drop.name, drop.priority)
        workspace.queue.discard("incoming", card.job)
        if error.errno == errno.EXDEV:
            background.fetch(drop, workspace.inbox.files(drop))
        else:
            workspace.inbox.note_not_claimed(drop, error)
        return None
    return card


def unclaim(workspace: Workspace, card: JobCard) -> str:
    """Return a file that changed while it was read to the inbox; say in words what was done."""
    place = workspace.layout.job("incoming", card.job)
    if place.source.exists():
        # Its inbox is on another volume, which a rename cannot reach; nobody writes to this copy.
        readings.forget(place)
        workspace.queue.begin_again("incoming", card.job)
        return "it is read again"
    workspace.inbox.put_back(place, card.name, card.priority)
    workspace.queue.discard("incoming", card.job)
    workspace.ledger.forget_job(card.job)
    return "it settles again"


def pass_on(
    workspace: Workspace,
    background: BackgroundTasks,
    journal: Journal,
    action: do.PassOn,
    _seen: Snapshot,
) -> None:
    """Write a growth to the inbox as a file, once: after a crash it is found by its name."""
    growth = action.growth
    card, name = growth.card, late_writes.name_of(growth)
    length = _passed(workspace, card, name)
    if length is None:
        length = growth.end - growth.begin
        if not _copied(workspace, background, growth, name):
            return
    end = card.passed_on if growth.is_whole else growth.begin + length
    passed = replace(card, passed_on=end, passed_as=growth.found_as)
    workspace.queue.update(growth.state, passed)
    message = (
        f"{length} bytes were written to {escape(card.name)} after it was claimed as {card.job}; "
        f"they are now {escape(name)} in inbox/"
    )
    if growth.is_whole:
        message = (
            f"{escape(card.name)} was overwritten after it was claimed as {card.job}; its present "
            f"contents are now {escape(name)} in inbox/: rows trained before are not trained "
            "twice, and changed answers count as corrections"
        )
    journal.event("passed_on", message, job=card.job, name=escape(name))


def _copied(workspace: Workspace, background: BackgroundTasks, growth: Growth, name: str) -> bool:
    """Write a growth to the inbox; return False while a long copy runs or must start over."""
    source = workspace.layout.job(growth.state, growth.card.job).original
    write = partial(late_writes.copy_to, source, growth)
    copy = partial(_drop, workspace, growth.card, name, write)
    try:
        if growth.end - growth.begin > late_writes.PIECE:
            return background.pass_on(name, copy)
        copy()
    except late_writes.StillWritten:
        return False
    return True


def _drop(workspace: Workspace, card: JobCard, name: str, write: drops.Writer) -> None:
    folder = workspace.layout.inbox / FOLDERS[card.priority]
    mate = stem_of(name) + OWN_SETTINGS
    writers = {name: write}
    if card.own_settings and not os.path.lexists(folder / mate):
        writers = {mate: drops.text_of(card.own_settings), **writers}
    drops.put(folder, writers)


def _passed(workspace: Workspace, card: JobCard, name: str) -> int | None:
    """Return the size of the file of that name, wherever it is by now; None if there is none."""
    lying = workspace.inbox.size_of(name, card.priority)
    if lying is not None:
        return lying
    arriving = [drop.size for drop in arrivals.waiting(workspace.layout) if drop.name == name]
    known = workspace.queue.named(name)
    return next(iter(arriving), known.size_bytes if known is not None else None)
