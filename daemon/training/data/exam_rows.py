"""Chooses the hold-out rows that a run, audit or sweep is measured with: one of each family."""

from collections.abc import Iterable, Sequence

import numpy as np

from daemon.core.rows.fingerprint import key_of
from daemon.core.training.plan import mix
from daemon.dedup.family_keys import FamilyColumns, components
from daemon.dedup.family_segments import FamilyIndex
from daemon.dedup.wording import Words
from daemon.folders.queue import family_files
from daemon.folders.queue.family_files import FAMILY, Families, FamilySide
from daemon.training.data.rows import JobRows
from daemon.training.records.choices import RowId

AT_ONCE = 4
"""Families are read for so many times the rows wanted, in batches that grow by this factor."""


def own_exam(
    jobs: Sequence[str], rows: JobRows, families: FamilyIndex
) -> tuple[list[RowId], list[RowId]]:
    """Return the tune and the judge rows of some jobs' own exam.

    These are the rows they hold out, and for each row they withheld the exam row of its family, in
    whichever job that lies.
    """
    tune: list[RowId] = []
    judge: list[RowId] = []
    for job, row in dict.fromkeys([*_held_by(jobs, rows), *_held_elsewhere(jobs, rows, families)]):
        index = rows.holdout(job)
        place = index.place(row)
        if place is not None:
            (tune if index.tune[place] else judge).append((job, row))
    return tune, judge


def _held_by(jobs: Iterable[str], rows: JobRows) -> list[RowId]:
    return [(job, int(row)) for job in jobs for row in rows.holdout(job).rows]


def _held_elsewhere(jobs: Iterable[str], rows: JobRows, families: FamilyIndex) -> list[RowId]:
    found: list[RowId] = []
    for job in jobs:
        mine = family_files.read_or_none(rows.find(job).families)
        if mine is not None:
            withheld = mine[mine["side"] == FamilySide.WITHHELD]
            exam = families.exam_rows(withheld, job)
            found += [(place.job, place.row) for place in exam if rows.has(place.job)]
    return found


def judge_rows(jobs: Iterable[str], rows: JobRows) -> list[RowId]:
    """Return all judge rows of jobs, without jobs that the user removed."""
    return _held_out(jobs, rows, tune=False)


def tune_rows(jobs: Iterable[str], rows: JobRows) -> list[RowId]:
    """Return all tune rows of jobs, without jobs that the user removed."""
    return _held_out(jobs, rows, tune=True)


def _held_out(jobs: Iterable[str], rows: JobRows, *, tune: bool) -> list[RowId]:
    found: list[RowId] = []
    for job in jobs:
        if rows.has(job):
            index = rows.holdout(job)
            found += [(job, int(row)) for row in index.rows[index.tune == tune]]
    return found


def pick(ids: Iterable[RowId], most: int, seed: int) -> tuple[RowId, ...]:
    """Return at most `most` rows; a seed gives each row the same rank, whatever the other jobs."""
    return tuple(_shuffled(ids, seed)[:most])


def _shuffled(ids: Iterable[RowId], seed: int) -> list[RowId]:
    return sorted(ids, key=lambda item: (mix(seed, "pick", *item), item))


def pick_families(ids: Iterable[RowId], rows: JobRows, most: int, seed: int) -> tuple[RowId, ...]:
    """Return at most `most` rows, one of each family, the same for the same seed."""
    ordered = _shuffled(ids, seed)
    scanned = most * AT_ONCE
    while True:
        chosen = one_of_each_family(ordered[:scanned], rows)[:most]
        if len(chosen) == most or scanned >= len(ordered):
            return tuple(chosen)
        scanned *= AT_ONCE


def one_of_each_family(ids: Sequence[RowId], rows: JobRows) -> list[RowId]:
    """Return the first row of each family, in the order given."""
    found = [np.zeros(0, FAMILY)]
    by_job: dict[str, list[int]] = {}
    for job, row in ids:
        by_job.setdefault(job, []).append(row)
    places: list[RowId] = []
    for job, numbers in by_job.items():
        found.append(_families(job, numbers, rows))
        places += [(job, row) for row in numbers]
    labels = dict(zip(places, components(np.concatenate(found)).tolist(), strict=True))
    first: dict[int, RowId] = {}
    for item in ids:
        first.setdefault(labels[item], item)
    return list(first.values())


def _families(job: str, numbers: Sequence[int], rows: JobRows) -> Families:
    """Return the family of each of some hold-out rows of a job."""
    known = family_files.read_or_none(rows.find(job).families)
    if known is not None:
        known = known[known["side"] == FamilySide.EXAM]
        known = known[np.argsort(known["row"], kind="stable")]
        at = np.minimum(np.searchsorted(known["row"], numbers), max(0, len(known) - 1))
        if len(known) and (known["row"][at] == numbers).all():
            chosen: Families = known[at]
            return chosen
    columns, words = FamilyColumns(), Words()
    for row in numbers:
        example = rows.example(job, row, "holdout")
        columns.add(example, key_of(example), words)
    return columns.families()
