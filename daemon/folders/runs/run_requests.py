"""The supervisor's files in `models/runs/<run>/`: the request, the attempts, the skip mark.

The trainer's files there are read only as far as decisions need them.
"""

import os
import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from daemon.core.decisions.promotion import gate_from_record
from daemon.core.decisions.snapshot import Attempts, Candidate, Ended, RunOnDisk
from daemon.core.records import JsonObject, from_json_value
from daemon.core.status.ledger_rows import run_record
from daemon.core.training.manifests import Draft
from daemon.core.training.run_requests import (
    ExamProgress,
    FrozenSteps,
    RunRecord,
    RunRequest,
    SkipMark,
)
from daemon.folders.disk import atomic
from daemon.folders.disk.record_files import read_record, write_record
from daemon.layout import Layout
from daemon.layout_jobs import RunLayout

QUARANTINED = "damaged-"
"""Prefix of the directory of a damaged run, which no longer counts as a run."""

LAST_TRY = "last_try"
"""Empty; a run that has it is the last of its series of tries."""

CHECKPOINT = re.compile(r"c(\d+)\Z")

DAMAGED = (ValueError, KeyError, TypeError, AttributeError)
"""Errors of damaged content; an `OSError` says nothing about the content."""


def read_records(layout: Layout) -> tuple[list[RunRecord], list[str]]:
    """Return the records of all runs by number, and a sentence for each that cannot be read.

    The record of a run that has not ended is its request.
    """
    ended = sorted(layout.ended_runs.glob("r*.json"))
    begun = sorted(layout.runs.glob("r*/request.json"))
    found: dict[str, RunRecord] = {}
    problems = []
    for path in (*begun, *ended):
        try:
            if path.parent == layout.ended_runs:
                record = read_record(path, RunRecord)
            else:
                record = run_record(read_record(path, RunRequest))
            found[record.run] = record
        except (OSError, ValueError) as error:
            problems.append(f"{path} cannot be read ({error!r}), so its run is left out")
    return [found[run] for run in sorted(found)], problems


class RunRequests:
    """The run in progress; there is one at a time."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._requests: dict[str, RunRequest] = {}
        self._candidates: dict[str, Candidate] = {}
        self._moved_to: dict[str, Path] = {}
        self.quarantined: dict[str, str] = {}
        """Runs whose files are damaged, with the reason and where they were moved."""

    def make_folders(self) -> None:
        """Create the folder, and remove what a crash left unfinished."""
        atomic.make_directory(self._layout.runs)
        atomic.make_directory(self._layout.ended_runs)
        for folder in (self._layout.runs, self._layout.ended_runs):
            atomic.purge_leftovers(folder)
        for name in self._names():
            if not self._layout.run(name).request.exists():
                atomic.remove_directory(self._layout.runs / name)

    def _names(self) -> list[str]:
        return sorted(e.name for e in os.scandir(self._layout.runs) if e.name.startswith("r"))

    def take_name(self) -> str:
        """Take the next run number, durably."""
        ended = [path.stem for path in self._layout.ended_runs.glob("r*.json")]
        numbers = [path.name.split("-")[1] for path in self._layout.runs.glob(f"{QUARANTINED}r*-*")]
        names = (*self._names(), *ended, *numbers)
        used = max((int(name[1:]) for name in names if name[1:].isdigit()), default=0)
        return f"r{atomic.take_number(self._layout.runs / '.last', used):06d}"

    def open(self, request: RunRequest) -> None:
        """Create the directory of a new run with its request, atomically."""
        with atomic.building_directory(self._layout.runs / request.run) as folder:
            write_record(folder / "request.json", request)

    def read_or_quarantine(self) -> RunOnDisk | None:
        """Return the run in progress; a damaged one is moved away and does not count."""
        self._forget_what_was_looked_at()
        names = self._names()
        if not names:
            return None
        try:
            return self._read(*names[:2])
        except DAMAGED as error:
            self._quarantine(names[0], error)
            return None

    def _read(self, run: str, following: str | None = None) -> RunOnDisk:
        place = self._layout.run(run)
        request = self.request(run)
        return RunOnDisk(
            run=run,
            start_version=request.start_version,
            jobs=request.jobs,
            frozen_ns=_changed_ns(place),
            attempts=self.attempts(run),
            candidate=self._candidate(run, place),
            ended=_ended(place),
            skip=_skip(place),
            next_try=following,
            try_number=1 if request.try_ is None else request.try_.number,
            last_try=(place.folder / LAST_TRY).exists(),
        )

    def _quarantine(self, run: str, error: Exception) -> None:
        """Move a damaged run out of the way; its jobs go back to the queue."""
        number = 1
        while (target := self._layout.runs / f"{QUARANTINED}{run}-{number}").exists():
            number += 1
        atomic.move(self._layout.runs / run, target)
        self._forget(run)
        self._moved_to[run] = target
        self.quarantined[run] = (
            f"the files of {run} cannot be read ({error!r}): it is now models/runs/{target.name}, "
            "and its jobs are trained again; remove that directory when you have examined it"
        )

    def _forget_what_was_looked_at(self) -> None:
        """Forget damaged runs whose directories were removed."""
        for run in [run for run, target in self._moved_to.items() if not target.exists()]:
            del self._moved_to[run], self.quarantined[run]

    def has(self, run: str) -> bool:
        """Return whether there is a run with this name."""
        return self._layout.run(run).request.exists()

    def request(self, run: str) -> RunRequest:
        """Return the request of a run; it never changes."""
        if run not in self._requests:
            self._requests[run] = read_record(self._layout.run(run).request, RunRequest)
        return self._requests[run]

    def total_steps(self, run: str) -> int | None:
        """Return the steps of a frozen run."""
        with suppress(OSError, ValueError):
            return read_record(self._layout.run(run).frozen, FrozenSteps).steps
        return None

    def _candidate(self, run: str, place: RunLayout) -> Candidate | None:
        if run not in self._candidates:
            draft = self.draft(run)
            if draft is None:
                return None
            if draft.judgement is None:
                raise ValueError(f"{place.draft.name}: it has no judgement")
            self._candidates[run] = Candidate(
                draft.judgement,
                draft.rows_by_job,
                gate_from_record(from_json_value(draft.settings["gate"], JsonObject)),
                1 if draft.try_ is None else draft.try_.number,
                draft.metrics.tokens or 0,
            )
        return self._candidates[run]

    def draft(self, run: str) -> Draft | None:
        """Return the candidate's draft of a manifest; None before it is complete."""
        with suppress(FileNotFoundError):
            return read_record(self._layout.run(run).draft, Draft)
        return None

    def attempts(self, run: str) -> Attempts:
        """Return the starts without progress.

        A checkpoint, or an answer in the exam, is progress even if the supervisor died before it
        received or recorded it.
        """
        known = Attempts()
        with suppress(OSError, ValueError):
            known = read_record(self._layout.run(run).attempts, Attempts)
        now = _progress(self._layout.run(run))
        if now.since_step > known.since_step or now.since_exam > known.since_exam:
            return now
        return replace(
            known, begun=known.at_attempt is None or known.at_attempt != self._attempt(run)
        )

    def count_start(self, run: str, attempts: Attempts) -> None:
        """Count a start of the trainer before it happens, once the last death was reported."""
        started, at_attempt = attempts.counted + 1, self._attempt(run)
        started_now = replace(attempts, started=started, at_attempt=at_attempt, begun=False)
        self.write_attempts(run, replace(started_now, after=None))

    def _attempt(self, run: str) -> int:
        """Return the number of the trainer's last attempt; -1 before the first."""
        with suppress(OSError, ValueError):
            return int((self._layout.run(run).folder / "attempt").read_text())
        return -1

    def reset_attempts(self, run: str) -> None:
        """Reset the starts, as the run has committed; a missing run has ended."""
        with suppress(FileNotFoundError):
            self.write_attempts(run, _progress(self._layout.run(run)))

    def write_attempts(self, run: str, attempts: Attempts) -> None:
        """Write the starts without progress, if they differ."""
        if attempts != self.attempts(run):
            write_record(self._layout.run(run).attempts, attempts)

    def mark_skip(self, run: str, job: str) -> None:
        """Record that a job of the run is to be skipped."""
        write_record(self._layout.run(run).folder / "skip.json", SkipMark(job))

    def mark_last_try(self, run: str) -> None:
        """Record that the jobs of the run are not tried again after it."""
        atomic.write_bytes(self._layout.run(run).folder / LAST_TRY, b"")

    def end(self, record: RunRecord) -> RunRecord:
        """Write the record of how a run ended, then remove its directory; return the record.

        An existing record stays: there was a crash between the two.
        """
        run = record.run
        path = self._layout.ended_runs / f"{run}.json"
        if path.exists():
            with suppress(OSError, ValueError):
                record = read_record(path, RunRecord)
        else:
            write_record(path, record)
        self._remove(run)
        return record

    def _remove(self, run: str) -> None:
        atomic.remove_directory(self._layout.runs / run)
        self._forget(run)

    def _forget(self, run: str) -> None:
        self._requests.pop(run, None)
        self._candidates.pop(run, None)


def _changed_ns(place: RunLayout) -> int | None:
    with suppress(FileNotFoundError):
        return place.frozen.stat().st_mtime_ns
    return None


def _ended(place: RunLayout) -> Ended | None:
    with suppress(FileNotFoundError):
        return read_record(place.ended, Ended)
    return None


def _skip(place: RunLayout) -> str | None:
    with suppress(FileNotFoundError):
        return read_record(place.folder / "skip.json", SkipMark).job
    return None


def _progress(place: RunLayout) -> Attempts:
    """Return zero attempts since the run's progress on disk."""
    exam = 0
    with suppress(OSError, ValueError):
        exam = read_record(place.folder / "exam.json", ExamProgress).starts
    return Attempts(since_step=_newest_step(place), since_exam=exam)


def _newest_step(place: RunLayout) -> int:
    """Return the step of the newest checkpoint, unverified; 0 if there is none."""
    with suppress(FileNotFoundError):
        found = map(CHECKPOINT.match, os.listdir(place.checkpoints))
        return max((int(match[1]) for match in found if match), default=0)
    return 0
