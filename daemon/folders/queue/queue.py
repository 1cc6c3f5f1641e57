"""`queue/`: one directory a job, moved whole from state to state.

The supervisor is the only writer, so what it has read of a job stays true until it writes again. It
notes its moves in listings, which are read again every few seconds and when a directory changed.
"""

import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from daemon.clock import Clock
from daemon.core.workspace import jobs
from daemon.core.workspace.file_names import ending_of
from daemon.core.workspace.intake_context import IntakeContext
from daemon.core.workspace.intake_reports import IntakeReport
from daemon.core.workspace.jobs import Intake, JobCard, Priority, card_from_record, card_to_record
from daemon.errors import DaemonFault
from daemon.folders.disk import atomic
from daemon.folders.disk.listings import Listings
from daemon.folders.disk.record_files import read_record, write_record
from daemon.layout import ENDED, PRIORITIES, QUEUE_STATES, Layout
from daemon.layout_jobs import JobLayout

DAMAGED = (ValueError, KeyError, TypeError, AttributeError)
"""Errors of a damaged `job.json`; an `OSError` says nothing about its content."""

JOB_NAME = re.compile(r"\d{6,}-[a-z0-9-]+\Z")


CONTEXT = "context.json"


def read_context(place: JobLayout) -> IntakeContext:
    """Return what the supervisor handed to the intake worker.

    Raises:
        OSError, ValueError: it cannot be read.
    """
    return read_record(place.folder / CONTEXT, IntakeContext)


def find_job(layout: Layout, job: str) -> JobLayout | None:
    """Return the directory of a job in any state; the later of two states wins."""
    if not JOB_NAME.match(job):
        return None
    for state in reversed(QUEUE_STATES):
        place = layout.job(state, job)
        if place.job_file.exists():
            return place
    return None


def read_cards(layout: Layout) -> tuple[list[JobCard], list[str]]:
    """Return the cards of all jobs by arrival, and a sentence for each that cannot be read.

    Read-only; the later of two states wins.
    """
    found: dict[str, JobCard] = {}
    problems: dict[str, str] = {}
    for state in QUEUE_STATES:
        for job in job_names(layout, state):
            place = layout.job(state, job)
            try:
                found[job] = read_card(place)
                problems.pop(job, None)
            except (OSError, *DAMAGED) as error:
                problems[job] = f"{place.job_file} cannot be read ({error}), so it is left out"
    return [found[job] for job in sorted(found)], [problems[job] for job in sorted(problems)]


def job_names(layout: Layout, state: str) -> list[str]:
    """Return the jobs in a state, by arrival; a claim without its file is not one yet."""
    folder = layout.queue / state
    return [
        job
        for job in sorted(os.listdir(folder) if folder.is_dir() else ())
        if JOB_NAME.match(job) and (state != "incoming" or layout.job(state, job).original.exists())
    ]


def read_card(place: JobLayout) -> JobCard:
    """Return a job's card.

    Raises:
        OSError: it cannot be read.
        ValueError, KeyError, TypeError, AttributeError: it is damaged.
        DaemonFault: a newer version wrote it.
    """
    return card_from_record(json.loads(place.job_file.read_bytes()))


def newest_arrival(jobs: Iterable[str]) -> int:
    """Return the highest arrival number of the jobs; 0 if there are none."""
    return max((int(job.split("-")[0]) for job in jobs if JOB_NAME.match(job)), default=0)


def _own_settings(place: JobLayout) -> str:
    try:
        return place.own_settings.read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""


class Queue:
    """The jobs of one workspace."""

    def __init__(self, layout: Layout, clock: Clock) -> None:
        self._layout = layout
        self._clock = clock
        self._cards: dict[str, JobCard] = {}
        self._listings = Listings(JOB_NAME, clock)
        self._views: dict[str, tuple[tuple[str, ...], int, tuple[JobCard, ...]]] = {}
        self._changes = 0
        self._without_older: dict[str, tuple[str, ...]] = {}
        self._holds_out: dict[str, bool] = {}
        self._arrivals = layout.queue / ".arrivals"
        self._used_arrival: int | None = None
        self.unreadable: dict[str, str] = {}
        """Jobs whose card was rebuilt because it could not be read, with the reason."""

    def make_folders(self) -> None:
        """Create the state directories, and remove what a crash left unfinished."""
        for folder in (self._layout.queue, *(self._layout.queue / s for s in QUEUE_STATES)):
            atomic.make_directory(folder)
            atomic.purge_leftovers(folder)
        atomic.purge_leftovers(self._layout.arriving)
        for state in ("incoming", *PRIORITIES, "running"):
            for job in self.names(state):
                self.purge(state, job)

    def purge(self, state: str, job: str) -> None:
        """Remove what a dead process left half-written in a job."""
        atomic.purge_leftovers(self._layout.job(state, job).folder)

    def settle_duplicate_jobs(self) -> list[str]:
        """Remove empty claims and the earlier copy of a job in two states. Returns their names."""
        mended = []
        seen: set[str] = set()
        for state in reversed(QUEUE_STATES):
            for job in self.names(state):
                place = self._layout.job(state, job)
                empty = state == "incoming" and not place.original.exists()
                beside = place.holdout_original.exists() or place.exam_original.exists()
                if job in seen or (empty and not beside):
                    atomic.remove_directory(place.folder)
                    self._listings.removed(place.folder)
                    mended.append(f"{state}/{job}")
                seen.add(job)
        return mended

    def unfinished_claims(self) -> list[JobCard]:
        """Return claims whose companion files were moved but not their main file."""
        return [
            card
            for card in self.cards("incoming")
            if not self._layout.job("incoming", card.job).original.exists()
        ]

    def names(self, state: str) -> tuple[str, ...]:
        """Return the jobs in a state, by arrival."""
        return self._listings.names(self._layout.queue / state)

    def counts(self) -> dict[str, int]:
        """Return the number of jobs in each state."""
        return {state: len(self.names(state)) for state in QUEUE_STATES}

    def cards(self, state: str) -> tuple[JobCard, ...]:
        """Return the cards of a state, by arrival.

        Raises:
            DaemonFault: a newer version wrote one.
            OSError: one cannot be read now, as without free descriptors; no job is touched.
        """
        names = self.names(state)
        known = self._views.get(state)
        if known is not None and known[0] is names and known[1] == self._changes:
            return known[2]
        found = tuple(self._cards.get(job) or self._card(state, job) for job in names)
        if state not in ENDED:
            self._views[state] = names, self._changes, found
        return found

    def _card(self, state: str, job: str) -> JobCard:
        card = self._cards.get(job)
        if card is None:
            card = self._cards[job] = self._read(state, job)
            self._changes += 1
        return card

    def _read(self, state: str, job: str) -> JobCard:
        place = self._layout.job(state, job)
        try:
            return read_card(place)
        except FileNotFoundError:
            why = "job.json is missing"
        except DAMAGED as error:
            # Never overwritten: it may be repaired by hand.
            target = place.folder / f"job.json.corrupt-{self._clock.now():%Y%m%dT%H%M%S}"
            atomic.move(place.job_file, target)
            why = f"job.json could not be read ({error}) and is now {target.name}"
        self.unreadable[job] = f"{job}: {why}; a new one was rebuilt from its folder"
        card = self._card_without_file(state, job)
        atomic.write_json(place.job_file, card_to_record(card))
        return card

    def _card_without_file(self, state: str, job: str) -> JobCard:
        ending = ending_of(self._layout.job(state, job).original.name)
        card = JobCard(
            job=job,
            arrival=int(job.split("-")[0]),
            priority="high" if state == "high" else "low" if state == "low" else "normal",
            name=f"{job.split('-', 1)[1]}{ending}",
            claimed_at=self._clock.now().isoformat(),
            own_settings=_own_settings(self._layout.job(state, job)),
        )
        return replace(card, intake=self.report(card, state))

    def newest(self, states: Iterable[str], most: int) -> Iterator[tuple[str, JobCard]]:
        """Yield the cards of the newest jobs of each given state, with the state.

        Cards that cannot be read now, or were written by a newer version, are left out. Those of
        older ended jobs are dropped from memory: after years of training there are many.
        """
        for state in states:
            names = self.names(state)
            if state in ENDED and self._without_older.get(state) is not names:
                for job in names[:-most]:
                    self._cards.pop(job, None)
                self._without_older[state] = names
            for job in names[-most:]:
                card = None
                with suppress(OSError, DaemonFault):
                    card = self._card(state, job)
                if card is not None:
                    yield state, card

    def named(self, name: str) -> JobCard | None:
        """Return the newest job from a file of this name; None if there is none."""
        ending = f"-{jobs.slug(name)}"
        found = [
            card
            for state in QUEUE_STATES
            for job in self.names(state)
            if job.endswith(ending) and (card := self._card(state, job)).name == name
        ]
        return max(found, key=lambda card: card.arrival, default=None)

    def create(
        self, name: str, priority: Priority, own_settings: str, size_bytes: int = 0
    ) -> JobCard:
        """Create a job directory in `incoming/` with its card; the file is moved in next."""
        card = self._new_card(name, priority, own_settings, size_bytes)
        place = self._layout.job("incoming", card.job)
        try:
            atomic.make_directory(place.folder)
            self._write(place, card)
            self._listings.added(place.folder)
        except OSError:
            # The file is still in the inbox and is claimed again under another number.
            self.discard("incoming", card.job)
            raise
        return card

    def adopt(self, folder: Path, name: str, priority: Priority, size_bytes: int) -> JobCard:
        """Turn a directory that already contains a dropped file into a job, by one rename."""
        place = JobLayout(folder)
        card = self._new_card(name, priority, _own_settings(place), size_bytes)
        self._write(place, card)
        there = self._layout.job("incoming", card.job).folder
        atomic.move(folder, there)
        self._listings.added(there)
        return card

    def _new_card(
        self, name: str, priority: Priority, own_settings: str, size_bytes: int
    ) -> JobCard:
        arrival = self._take_arrival()
        return JobCard(
            job=f"{arrival:06d}-{jobs.slug(name)}",
            arrival=arrival,
            priority=priority,
            name=name,
            claimed_at=self._clock.now().isoformat(),
            size_bytes=size_bytes,
            own_settings=own_settings,
        )

    def _take_arrival(self) -> int:
        used = self._used_arrival
        if used is None:
            used = newest_arrival(job for state in QUEUE_STATES for job in self.names(state))
        self._used_arrival = atomic.take_number(self._arrivals, used)
        return self._used_arrival

    def number_beyond(self, jobs: Iterable[str]) -> None:
        """Continue numbering after these jobs, even if they are no longer in the queue."""
        there = (job for state in QUEUE_STATES for job in self.names(state))
        self._used_arrival = newest_arrival((*jobs, *there))

    def update(self, state: str, card: JobCard) -> None:
        """Write a job's card into its directory."""
        self._write(self._layout.job(state, card.job), card)

    def _write(self, place: JobLayout, card: JobCard) -> None:
        atomic.write_json(place.job_file, card_to_record(card))
        self._cards[card.job] = card
        self._changes += 1

    def move(self, card: JobCard, source: str, target: str) -> None:
        """Move a job from state to state: first its card, then one rename."""
        if self._cards.get(card.job) != card:
            self.update(source, card)
        here, there = (self._layout.job(state, card.job).folder for state in (source, target))
        atomic.move(here, there)
        self._holds_out.pop(card.job, None)
        self._listings.removed(here)
        self._listings.added(there)

    def count_intake_death(self, job: str) -> None:
        """Count a death of the intake worker on a job, if it still waits for intake."""
        for card in self.cards("incoming"):
            if card.job == job:
                self.update("incoming", replace(card, intake_deaths=card.intake_deaths + 1))

    def discard(self, state: str, job: str) -> None:
        """Remove a job directory after its dropped files have been moved away."""
        folder = self._layout.job(state, job).folder
        atomic.remove_directory(folder)
        self._cards.pop(job, None)
        self._changes += 1
        self._listings.removed(folder)

    def report(self, card: JobCard, state: str | None = None) -> Intake | None:
        """Return the findings of intake; None before there are any."""
        if card.intake is not None:
            return card.intake
        place = self._layout.job(state, card.job) if state else find_job(self._layout, card.job)
        if place is None:
            return None
        try:
            return read_record(place.report, IntakeReport).intake
        except (FileNotFoundError, ValueError):
            return None

    def unread(self) -> list[tuple[str, JobCard]]:
        """Return the waiting jobs without any findings of intake, with their state.

        Both their card and their report were damaged; no run would take them.
        """
        return [
            (state, card)
            for state in PRIORITIES
            for card in self.cards(state)
            if card.intake is None
        ]

    def begin_again(self, state: str, job: str) -> None:
        """Remove what intake wrote about a job, to read it again."""
        place = self._layout.job(state, job)
        for path in place.intake_outputs:
            atomic.remove_file(path)

    def write_context(self, job: str, context: IntakeContext) -> None:
        """Write what the intake worker is to compare a job with."""
        write_record(self._layout.job("incoming", job).folder / CONTEXT, context)

    def with_holdout(self) -> list[str]:
        """Return the jobs with hold-out rows, in any state."""
        return [
            job
            for state in (*PRIORITIES, "running", "done", "failed", "skipped")
            for job in self.names(state)
            if self._has_holdout(state, job)
        ]

    def only_exams(self) -> list[str]:
        """Return the jobs whose files were dropped only to measure with."""
        places = ((job, find_job(self._layout, job)) for job in self.with_holdout())
        return [job for job, place in places if place is not None and not place.train.exists()]

    def _has_holdout(self, state: str, job: str) -> bool:
        known = self._holds_out.get(job)
        if known is None:
            known = self._layout.job(state, job).holdout_fingerprints.exists()
            self._holds_out[job] = known
        return known
