"""Reads the folders and the workers into a snapshot; changes nothing but its own memory."""

import shutil
from dataclasses import replace
from operator import attrgetter

from daemon.core.decisions.scheduling import gather
from daemon.core.decisions.snapshot import Base, Drop, Snapshot
from daemon.core.rows.prefix import fingerprint_of
from daemon.core.workspace.jobs import Incoming, JobCard, Queued, Running
from daemon.folders.inbox import arrivals
from daemon.folders.inbox.inbox import InboxView, Leftover
from daemon.folders.inbox.late_writes import LOOKED_AT
from daemon.folders.models import bases, current_model
from daemon.folders.queue import readings, row_files
from daemon.layout import ENDED, PRIORITIES
from daemon.settings import Settings
from daemon.supervisor.card_cache import CardCache
from daemon.supervisor.parts import Parts
from daemon.supervisor.refusals import Refusals
from daemon.supervisor.request import effective
from daemon.supervisor.settings_watch import limits_of

ROOM_FACTOR = 3
"""Intake needs three times a file's size: the rows, what was refused of them, and air."""

ROWS_SEEN_S = 2.0
"""So often the rows of the run in progress are looked at while it goes on."""

READ = ("running", *ENDED)
"""States of jobs that are not read again by themselves when their files change."""


class Observer:
    """One look after the other."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._base: Base | None = None
        self.refusals = Refusals(parts)
        self.leftovers: tuple[Leftover, ...] = ()
        self.inbox_problem: str | None = None
        self._settings: Settings | None = None
        self._prefixes: dict[str, str] = {}
        self._edited: set[str] = set()
        self._rows_seen_s = -1e9
        self._unread = CardCache(lambda card: Incoming(card, None))
        self._accepted = {state: CardCache(self._queue) for state in PRIORITIES}

    def forget_base(self) -> None:
        """Have the base model's facts read again."""
        self._base = None

    def look(self, stopping: bool) -> Snapshot:  # long: a field a line
        """Return what is so now."""
        parts = self._parts
        orders = parts.orders.waiting()
        control = parts.control.look()
        inbox = self._look_at_inbox()
        growths = parts.late_writes.look(parts.queue.newest(READ, LOOKED_AT))
        mine = tuple(drop for drop in inbox.drops if not parts.background.fetching(drop))
        drops = (*arrivals.waiting(parts.layout), *mine)
        self.leftovers, self.inbox_problem = inbox.leftovers, inbox.problem
        versions = parts.models.versions()
        complete = parts.models.complete()
        linked = current_model.read(parts.layout)
        current = linked if linked in complete else None
        run = parts.runs.read()
        queued = self._queued()
        if run is None and not control.paused:
            queued = self._with_edits(queued)
        return Snapshot(
            limits=limits_of(parts.settings.now),
            base=self._look_at_base(),
            stopping=stopping,
            paused=control.paused,
            commands=control.commands,
            drops=drops,
            growths=growths,
            settling=inbox.settling + len(inbox.drops) - len(mine) + parts.late_writes.settling,
            leftovers=tuple(item.name for item in inbox.leftovers),
            incoming=self._incoming(),
            queued=queued,
            running=self._running(),
            run=run,
            orders=orders,
            audits=parts.audits.look(),
            intake=parts.intake.view(),
            trainer=parts.trainer.view(),
            versions=versions,
            complete=complete,
            pinned=parts.models.pinned() | {name for item in orders for name in item.versions},
            current=current,
            verified=parts.background.verified(),
            refusal=self.refusals.of_run(run.run if run is not None else None),
            now=self.refusals.circumstances_of_run(),
            short_of_space=self._short_of_space(drops),
        )

    def _look_at_inbox(self) -> InboxView:
        """Return what lies there; a file that could not be copied is left alone for a while."""
        for drop, error in self._parts.background.fetched():
            if error is None or isinstance(error, arrivals.FileChanged):
                continue
            if not isinstance(error, OSError):
                raise error
            why = f"cannot be copied from another volume: {error.strerror or error}"
            self._parts.inbox.refuse(drop, why)
        return self._parts.inbox.look()

    def _look_at_base(self) -> Base:
        model = self._parts.settings.now.model
        if self._base is None or self._base.model != model:
            facts = bases.read_facts(self._parts.layout, model)
            self._base = Base(model)
            if facts is not None:
                self._base = Base(
                    model, facts.name, facts.fingerprint, facts.tokenizer, facts.template
                )
        return replace(
            self._base,
            refusal=self.refusals.of_base(model),
            now=self.refusals.circumstances_of_base(),
        )

    def _incoming(self) -> tuple[Incoming, ...]:
        queue = self._parts.queue
        found = self._unread.of(queue.cards("incoming"))
        # Of thousands that wait, few were begun: the others have no report to look for.
        begun = [place for place, job in enumerate(found) if job.card.intake_starts]
        for place in begun:
            card = found[place].card
            begun_readings = readings.look(self._parts.layout.job("incoming", card.job)).begun
            report = queue.report(card, "incoming")
            found[place] = Incoming(card, report, begun_readings)
        return tuple(found)

    def _queued(self) -> tuple[Queued, ...]:
        now = self._parts.settings.now
        if self._settings is not now:
            self._settings, self._prefixes = now, {}
            for made in self._accepted.values():
                made.forget()
        found = [
            job
            for state, made in self._accepted.items()
            for job in made.of(self._parts.queue.cards(state))
            if job is not None
        ]
        return tuple(sorted(found, key=attrgetter("card.order")))

    def _queue(self, card: JobCard) -> Queued | None:
        if card.intake is None:
            return None
        prefix, form = self._prefix_now(card.own_settings), self._parts.settings.now.plain_form
        return Queued(card, card.intake, prefix, form)

    def _with_edits(self, queued: tuple[Queued, ...]) -> tuple[Queued, ...]:
        """Look at the files of the jobs that would be trained next, at those of no others."""
        rows = self._parts.settings.now.run.gather_rows
        edited = {job.card.job for job in gather(queued, rows) if self._is_edited(job.card)}
        if not edited:
            return queued
        return tuple(replace(job, edited=job.card.job in edited) for job in queued)

    def _is_edited(self, card: JobCard) -> bool:
        if card.seal == row_files.UNKNOWN:
            return False
        return card.seal != row_files.seal_of(self._parts.layout.job(card.priority, card.job))

    def _running(self) -> tuple[Running, ...]:
        """Look at the rows before each attempt, which reads them anew, and now and then in it."""
        parts = self._parts
        cards, now_s = parts.queue.cards("running"), parts.clock.monotonic_s()
        if parts.trainer.view().state != "busy" or now_s - self._rows_seen_s >= ROWS_SEEN_S:
            self._rows_seen_s = now_s
            self._edited = {
                card.job
                for card in cards
                if row_files.rows_differ(card.seal, parts.layout.job("running", card.job))
            }
        return tuple(Running(card, card.job in self._edited) for card in cards)

    def _prefix_now(self, own: str) -> str:
        """Return the fingerprint of the prefix of jobs with such settings of their own."""
        now = self._parts.settings.now
        if own not in self._prefixes:
            self._prefixes[own] = fingerprint_of(effective(now, own).prefix)
        return self._prefixes[own]

    def _short_of_space(self, drops: tuple[Drop, ...]) -> bool:
        # A larger file is refused unread: a sparse one must not hold the others up.
        intake = self._parts.settings.now.intake
        most = intake.max_file_bytes
        fit = [d for d in drops if d.size <= most]
        unpacked = min(max((d.unpacked for d in fit), default=0), intake.max_unpacked)
        need = max([unpacked, *(d.size for d in fit)], default=0) * ROOM_FACTOR
        return need > 0 and shutil.disk_usage(self._parts.layout.root).free < need
