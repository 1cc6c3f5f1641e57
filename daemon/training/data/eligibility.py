"""Decides which rows a run may train: none on an exam, none trained before, none known to be bad.

This is decided once, when the run is frozen, for new and for replayed rows; the result is stored
in `run.json` and stands for every later attempt.
"""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from daemon.core.rows.examples import Example
from daemon.dedup.boilerplate import NOTHING_SHARED
from daemon.dedup.family_index import open_index
from daemon.dedup.family_making import families_by_keys
from daemon.dedup.family_segments import NOWHERE
from daemon.dedup.index import Index
from daemon.dedup.judging import Judge
from daemon.dedup.matching import ExampleAt, Match, on_exam, on_suite, seen_before
from daemon.dedup.sealing import Sealer
from daemon.dedup.seen import Seen
from daemon.dedup.suites import Suites
from daemon.dedup.superseding import (
    SEVERAL,
    Superseded,
    corrections_wanted,
    several_answers,
)
from daemon.folders.queue.fingerprints import Keys
from daemon.training.data.rows import JobRows
from daemon.training.records.choices import DroppedRow, Request, RowOf

Reasons = dict[int, DroppedRow]
"""By row of a job: why it must not be trained."""


class Eligibility:
    """Finds the rows that one run must not train, with reasons."""

    def __init__(self, request: Request, rows: JobRows) -> None:
        self._request = request
        self._rows = rows
        self._judge = Judge(Sealer(), request.settings.dedup.threshold)
        self._near = request.settings.dedup.near
        self._suites = Suites(rows.layout.evals)
        held = dict.fromkeys([*request.holdout_jobs, *request.jobs])
        self._held = Seen(rows.layout, "holdout", list(held))
        self._held_index = self._held.open(merge=False)
        self.families = open_index(rows.layout, merge=False, more=self._suites.families())
        self._lineage = frozenset((*request.lineage_jobs, *request.jobs))
        self._wanted = corrections_wanted(request.settings.dedup)
        self._learned, self._superseded = self._chains()

    def ineligible(self, job: str, keys: Keys, replayed: bool) -> Reasons:
        """Return the rows in `keys` of a job that the run must not train, with reasons.

        A row of an earlier run (`replayed`) is eligible if that run trained it and it is on no exam
        now. A new row must also not have been trained before; a job's own keys never count against
        it, because it may be retrained on purpose.
        """
        found = self._untrained(job, keys) if replayed else {}
        found = self._corrected(job, keys) | found
        for match, place in self._matches(job, keys, replayed):
            record = self._record(match, int(keys["row"][place]))
            if record is not None:
                found.setdefault(record.row, record)
        return self._variants_of_exams(job, keys) | found

    def _variants_of_exams(self, job: str, keys: Keys) -> Reasons:
        """Return rows of old files, from before there were families, whose family is on an exam.

        For newer files intake makes sure that a family never changes sides.
        """
        families = families_by_keys(self._rows.find(job), keys)
        on_exam = self.families.standing(families, job).exam
        found: Reasons = {}
        for place in np.flatnonzero(on_exam != NOWHERE).tolist():
            row, exam = int(keys["row"][place]), self.families.place(int(on_exam[place]))
            found[row] = DroppedRow(row, "withheld", "family", RowOf(exam.job, exam.line))
        return found

    def _chains(self) -> tuple[Index, Superseded]:
        """Return an index of all rows the lineage will have trained, and their corrections."""
        # The run's own jobs are trained now, whatever earlier runs left out of them.
        untrained = {
            j: r for j, r in self._request.untrained.items() if j not in self._request.jobs
        }
        seen = Seen(self._rows.layout, "train", sorted(self._lineage), untrained)
        index = seen.open(merge=False)
        return index, Superseded(index, seen.example, self._judge, wanted=self._wanted)

    def corrected_exams(self) -> Superseded:
        """Return the held-out rows that other held-out rows of the lineage correct."""
        return Superseded(
            self._held_index,
            self._held.example,
            self._judge,
            self._lineage.__contains__,
            self._wanted,
        )

    def _corrected(self, job: str, keys: Keys) -> Reasons:
        """Return rows whose answer a later file of the lineage, or of the run, has corrected."""
        found: Reasons = {}
        repeated = self._learned.with_same_question(keys, job) if self._wanted else []
        for row, by in zip(repeated, self._superseded.by_all(repeated), strict=True):
            if by is not None:
                of = RowOf(by.job, by.line)
                found[row.row] = DroppedRow(row.row, "superseded", "wording", of)
        return found

    def _untrained(self, job: str, keys: Keys) -> Reasons:
        """Return rows that earlier runs of this lineage left out, or could not replay."""
        known = (self._request.untrained.get(job), self._request.spoiled.get(job))
        return {
            row: DroppedRow(row, "not_trained")
            for rows in known
            if rows is not None
            for row, line in zip(keys["row"].tolist(), keys["line"].tolist(), strict=True)
            if rows.has(row, line)
        }

    def _record(self, match: Match, row: int) -> DroppedRow | None:
        dedup, code = self._request.settings.dedup, "duplicate_seen"
        if match.kind == "exam":
            code = "exam_row"
        elif match.kind != "duplicate":
            policy = dedup.conflicts if match.kind == "conflict" else dedup.corrections
            if policy != "refuse" or match.kind == "superseded":
                return None
            code = "conflict"
        return DroppedRow(row, code, match.how, RowOf(match.job, match.line))

    def _matches(self, job: str, keys: Keys, replayed: bool) -> Iterable[tuple[Match, int]]:
        def example_at(place: int) -> Example:
            return self._rows.example(job, int(keys["row"][place]), "train")

        found = self._on_exams(job, keys, example_at)
        if not replayed:
            found.append(self._seen_before(job, keys, example_at))
        return [(match, place) for matches in found for place, match in matches.items()]

    def _on_exams(self, job: str, keys: Keys, example_at: ExampleAt) -> list[dict[int, Match]]:
        judge, near = self._judge, self._near
        items = self._suites
        found = [
            on_exam(keys, example_at, self._held_index, self._held.example, judge, job, near),
            on_suite(keys, example_at, items.index(), items.item, judge, near),
        ]
        if near:
            found.append(items.match_short_questions(keys, example_at, judge, NOTHING_SHARED))
        # A row that corrects an exam row is held out too, in `holdout.jsonl`: never trained.
        return [
            {place: replace(match, kind="exam") for place, match in matches.items()}
            for matches in found
        ]

    def _seen_before(self, job: str, keys: Keys, example_at: ExampleAt) -> dict[int, Match]:
        request = self._request
        gathered_before = request.jobs[: request.jobs.index(job)]
        jobs = dict.fromkeys(one for one in (*request.lineage_jobs, *gathered_before) if one != job)
        # Jobs gathered into the same run are trained now, whatever earlier runs left out of them.
        untrained = {j: rows for j, rows in request.untrained.items() if j not in gathered_before}
        seen = Seen(self._rows.layout, "train", list(jobs), untrained)
        index = seen.open(merge=False)
        several = several_answers(keys["question"], keys["answer"])
        several |= keys["answer"] == SEVERAL
        return seen_before(
            keys, example_at, index, seen, self._judge, job, self._near, several, self._superseded
        )


def only_rows(keys: Keys, rows: Iterable[int]) -> Keys:
    """Return the keys of some rows."""
    wanted = np.fromiter(rows, dtype=np.uint32)
    chosen: Keys = keys[np.isin(keys["row"], wanted)]
    return chosen
