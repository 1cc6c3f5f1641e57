"""Reads the folders and the workers into one snapshot, from which the next actions are decided."""

import shutil
from dataclasses import replace
from operator import attrgetter

from daemon.clock import Clock
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
from daemon.supervisor.refusals import Refusals
from daemon.supervisor.request import effective
from daemon.supervisor.settings_watch import limits_of
from daemon.supervisor.workers import Workers
from daemon.supervisor.workspace import Workspace

ROOM_FACTOR = 3
"""Intake needs three times a file's size: the rows, the refused ones, and some reserve."""

ROWS_SEEN_S = 2.0
"""Seconds between two checks of the rows of the current run."""

READ = ("running", *ENDED)
"""Job states in which a changed file is not read again automatically."""


class Observer:
    """Takes snapshots of the workspace."""

    def __init__(self, workspace: Workspace, workers: Workers, clock: Clock) -> None:
        self._workspace = workspace
        self._workers = workers
        self._clock = clock
        self._base: Base | None = None
        self.refusals = Refusals(workspace, clock)
        self.leftovers: tuple[Leftover, ...] = ()
        self.inbox_problem: str | None = None
        self._prefixes_with: Settings | None = None
        self._prefixes: dict[str, str] = {}
        self._edited: set[str] = set()
        self._rows_seen_s = -1e9
        self._unread = CardCache(lambda card: Incoming(card, None))
        self._accepted = {state: CardCache(self._queue) for state in PRIORITIES}

    def settings_changed(self) -> None:
        """Have the base model's facts read again, and forget what another model failed of."""
        self.forget_base()
        self.refusals.forget_other_models(self._workspace.settings.now.model)

    def forget_base(self) -> None:
        """Drop the cached facts of the base model."""
        self._base = None

    def observe(self, stopping: bool) -> Snapshot:  # long: a field a line
        """Return a snapshot of the folders and workers."""
        workspace, workers = self._workspace, self._workers
        orders = workspace.orders.waiting()
        control = workspace.control.scan()
        inbox = self._read_inbox()
        growths = workspace.late_writes.scan(workspace.queue.newest(READ, LOOKED_AT))
        mine = tuple(drop for drop in inbox.drops if not workers.background.fetching(drop))
        drops = (*arrivals.waiting(workspace.layout), *mine)
        self.leftovers, self.inbox_problem = inbox.leftovers, inbox.problem
        versions = workspace.models.versions()
        complete = workspace.models.complete()
        linked = current_model.read(workspace.layout)
        workspace.models.refuse_newer(linked)
        current = linked if linked in complete else None
        run = workspace.runs.read_or_quarantine()
        queued = self._queued()
        if run is None and not control.paused:
            queued = self._with_edits(queued)
        return Snapshot(
            limits=limits_of(self._workspace.settings.now),
            base=self._read_base(),
            stopping=stopping,
            paused=control.paused,
            commands=control.commands,
            drops=drops,
            growths=growths,
            settling=inbox.settling + len(inbox.drops) - len(mine) + workspace.late_writes.settling,
            leftovers=tuple(item.name for item in inbox.leftovers),
            incoming=self._incoming(),
            queued=queued,
            running=self._running(),
            run=run,
            orders=orders,
            audits=workspace.audits.scan(),
            intake=workers.intake.view(),
            trainer=workers.trainer.view(),
            versions=versions,
            complete=complete,
            pinned=workspace.models.pinned() | {name for item in orders for name in item.versions},
            current=current,
            verified=workers.background.verified(),
            refusal=self.refusals.of_run(run.run if run is not None else None),
            now=self.refusals.circumstances_of_run(),
            short_of_space=self._short_of_space(drops),
        )

    def _read_inbox(self) -> InboxView:
        """Return the contents of the inbox; a file that failed to copy is ignored for a while."""
        for drop, error in self._workers.background.take_fetched():
            if error is None or isinstance(error, arrivals.FileChanged):
                continue
            if not isinstance(error, OSError):
                raise error
            why = f"cannot be copied from another volume: {error.strerror or error}"
            self._workspace.inbox.refuse(drop, why)
        return self._workspace.inbox.scan()

    def _read_base(self) -> Base:
        model = self._workspace.settings.now.model
        if self._base is None or self._base.model != model:
            facts = bases.read_facts(self._workspace.layout, model)
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
        queue = self._workspace.queue
        found = self._unread.of(queue.cards("incoming"))
        # Of thousands that wait few were started: the others cannot have a report.
        begun = [place for place, job in enumerate(found) if job.card.intake_starts]
        for place in begun:
            card = found[place].card
            begun_readings = readings.load(self._workspace.layout.job("incoming", card.job)).begun
            report = queue.report(card, "incoming")
            found[place] = Incoming(card, report, begun_readings)
        return tuple(found)

    def _queued(self) -> tuple[Queued, ...]:
        now = self._workspace.settings.now
        if self._prefixes_with is not now:
            self._prefixes_with, self._prefixes = now, {}
            for cache in self._accepted.values():
                cache.forget()
        found = [
            job
            for state, cache in self._accepted.items()
            for job in cache.of(self._workspace.queue.cards(state))
            if job is not None
        ]
        return tuple(sorted(found, key=attrgetter("card.order")))

    def _queue(self, card: JobCard) -> Queued | None:
        if card.intake is None:
            return None
        prefix = self._prefix_now(card.own_settings)
        form = self._workspace.settings.now.plain_form
        return Queued(card, card.intake, prefix, form)

    def _with_edits(self, queued: tuple[Queued, ...]) -> tuple[Queued, ...]:
        """Check for edited files, but only of the jobs that would be trained next."""
        rows = self._workspace.settings.now.run.gather_rows
        edited = {job.card.job for job in gather(queued, rows) if self._is_edited(job.card)}
        if not edited:
            return queued
        return tuple(replace(job, edited=job.card.job in edited) for job in queued)

    def _is_edited(self, card: JobCard) -> bool:
        if card.seal == row_files.UNKNOWN:
            return False
        return card.seal != row_files.seal_of(self._workspace.layout.job(card.priority, card.job))

    def _running(self) -> tuple[Running, ...]:
        """Check for edited rows before each attempt, which reads them again, and during it."""
        cards, now_s = self._workspace.queue.cards("running"), self._clock.monotonic_s()
        if self._workers.trainer.view().state != "busy" or now_s - self._rows_seen_s >= ROWS_SEEN_S:
            self._rows_seen_s = now_s
            self._edited = {
                card.job
                for card in cards
                if row_files.rows_differ(card.seal, self._workspace.layout.job("running", card.job))
            }
        return tuple(Running(card, card.job in self._edited) for card in cards)

    def _prefix_now(self, own: str) -> str:
        """Return the fingerprint of the prefix that jobs with these settings of their own get."""
        now = self._workspace.settings.now
        if own not in self._prefixes:
            self._prefixes[own] = fingerprint_of(effective(now, own).prefix)
        return self._prefixes[own]

    def _short_of_space(self, drops: tuple[Drop, ...]) -> bool:
        # Larger files are refused unread: a sparse one must not block the others.
        intake = self._workspace.settings.now.intake
        most = intake.max_file_bytes
        fit = [d for d in drops if d.size <= most]
        unpacked = min(max((d.unpacked for d in fit), default=0), intake.max_unpacked)
        need = max([unpacked, *(d.size for d in fit)], default=0) * ROOM_FACTOR
        return need > 0 and shutil.disk_usage(self._workspace.layout.root).free < need
