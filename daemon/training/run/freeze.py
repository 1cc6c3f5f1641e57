"""Freezes every choice of a run before its first step: rows, replay, validation, exam, steps.

Rows are checked for duplicates again, although intake did: other jobs were trained in between.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from daemon.core.rows.examples import Chat
from daemon.core.rows.prefix import Prefix
from daemon.core.training.plan import draws_of, steps_of
from daemon.core.training.replay_aim import ReplayAim
from daemon.dedup.seen import keys_of, remake
from daemon.folders.queue.fingerprints import Keys
from daemon.training.data.corrections import ExamItems
from daemon.training.data.eligibility import Eligibility
from daemon.training.data.exam_rows import judge_rows, own_exam, pick_families, tune_rows
from daemon.training.data.replay import draw_earlier
from daemon.training.data.rows import JobRows
from daemon.training.data.validation_set import validation_set
from daemon.training.machine.compute_plan import ComputePlan
from daemon.training.records.choices import Choices, DroppedRow, Request, RowId


def choose(  # long: a choice a line
    request: Request,
    rows: JobRows,
    libraries: Mapping[str, str],
    now: str,
    shape: ComputePlan,
    aim: ReplayAim,
) -> Choices:
    """Return the choices of a run; `steps` is 0 if no example is left."""
    eligibility = Eligibility(request, rows)
    examples, dropped, digest = _examples(request, rows, eligibility)
    training, evaluation = request.settings.training, request.settings.evaluation
    items = ExamItems(request, rows, eligibility.corrected_exams())
    tune, judge = own_exam(request.jobs, rows, eligibility.families)
    own = {*tune, *judge}
    earlier, earlier_tune = (
        _earlier(request, rows, items, own, part) for part in (judge_rows, tune_rows)
    )
    tune, judge = items.judged(tune), items.judged(judge)
    draws = draws_of(len(examples), training.epochs, aim.share)
    replay = draw_earlier(request, rows, eligibility, draws, aim.weights)
    others = (*replay, *earlier, *earlier_tune, *tune, *judge)
    return Choices(
        attempt_0_at=now,
        libraries=libraries,
        examples=tuple(examples),
        dropped=dropped,
        replay=tuple(replay),
        replay_share=aim.share,
        # A small file has judge rows only; the validation loss decides nothing with them.
        tune=_validation(request, rows, tune or judge),
        judge=pick_families(judge, rows, evaluation.judge_rows, request.seed),
        earlier=earlier,
        samples=_chats((*tune, *judge, *earlier), rows, evaluation.samples),
        steps=steps_of(len(examples), training.batch_rows, training.epochs),
        data_fingerprint=digest,
        **shape.as_choices(),
        prefixes=prefixes_of(rows, (involved := {*request.jobs, *(job for job, _ in others)})),
        plain_forms=plain_forms_of(rows, involved),
        answered_by=tuple(sorted(items.answered_by.items())),
        corrected=tuple(sorted(items.corrected.items())),
        earlier_tune=earlier_tune,
        replay_weights=dict(aim.weights),
    )


def prefixes_of(rows: JobRows, jobs: Iterable[str]) -> dict[str, Prefix]:
    """Return the prefix that each job was read with; jobs without one are left out."""
    found = {job: rows.prefix(job) for job in sorted(jobs)}
    return {job: prefix for job, prefix in found.items() if prefix is not None}


def plain_forms_of(rows: JobRows, jobs: Iterable[str]) -> dict[str, str]:
    """Return the plain form in which each job was read; jobs without one are left out."""
    found = {job: rows.plain_form(job) for job in sorted(jobs)}
    return {job: form for job, form in found.items() if form is not None}


def _validation(request: Request, rows: JobRows, ids: Iterable[RowId]) -> tuple[RowId, ...]:
    most = request.settings.evaluation.validation_rows
    return validation_set(request, rows, pick_families(ids, rows, most, request.seed))


def _examples(
    request: Request, rows: JobRows, eligibility: Eligibility
) -> tuple[list[tuple[int, int]], dict[str, tuple[DroppedRow, ...]], str]:
    examples: list[tuple[int, int]] = []
    dropped: dict[str, tuple[DroppedRow, ...]] = {}
    digest = hashlib.sha256()
    for number, job in enumerate(request.jobs):
        keys = keys_of(rows.find(job), "train")
        excluded = eligibility.ineligible(job, keys, replayed=False)
        if excluded:
            dropped[job] = tuple(excluded[row] for row in sorted(excluded))
        eligible = [int(row) for row in rows.train(job).rows if int(row) not in excluded]
        examples += [(number, row) for row in eligible]
        digest.update(_bytes_of(keys, eligible))
    return examples, dropped, digest.hexdigest()


def fingerprint_of(request: Request, rows: JobRows, examples: Iterable[tuple[int, int]]) -> str:
    """Return the fingerprint of examples from the rows in the files now, not from stored keys."""
    by_job: dict[int, list[int]] = {number: [] for number in range(len(request.jobs))}
    for number, row in examples:
        by_job[number].append(row)
    digest = hashlib.sha256()
    for number, job in enumerate(request.jobs):
        digest.update(_bytes_of(remake(rows.find(job).train), by_job[number]))
    return digest.hexdigest()


def _bytes_of(keys: Keys, rows: list[int]) -> bytes:
    """Return the keys of some rows, by row."""
    by_row = keys[np.argsort(keys["row"], kind="stable")]
    chosen = by_row[np.isin(by_row["row"], np.array(rows, dtype=np.uint32))]
    return np.stack([chosen["hi"], chosen["lo"]], axis=1).tobytes()


def _earlier(
    request: Request,
    rows: JobRows,
    items: ExamItems,
    own: set[RowId],
    part_of: Callable[[Iterable[str], JobRows], list[RowId]],
) -> tuple[RowId, ...]:
    """Return hold-out rows of jobs the lineage has learned from: what must not be forgotten.

    Files that were dropped only to measure with (no training rows) are included.
    """
    known = [job for job in request.holdout_jobs if job not in set(request.jobs)]
    only = [job for job in known if rows.has(job) and not rows.find(job).train.exists()]
    jobs = (job for job in dict.fromkeys([*request.lineage_jobs, *only]) if job in set(known))
    others = items.judged(item for item in part_of(jobs, rows) if item not in own)
    return pick_families(others, rows, request.settings.evaluation.judge_rows, request.seed)


def _chats(ids: Iterable[RowId], rows: JobRows, most: int) -> tuple[RowId, ...]:
    """Return the first `most` rows that are chats, in the order given."""
    found: list[RowId] = []
    for job, row in ids:
        if len(found) == most:
            break
        if isinstance(rows.example(job, row, "holdout"), Chat):
            found.append((job, row))
    return tuple(found)
