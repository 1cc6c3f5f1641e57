"""Makes every choice of a run before its first step; knows rows and keys, no model.

The duplicate check of intake is made again here for truth: other jobs were trained in between.
"""

import hashlib
from collections.abc import Iterable, Mapping

import numpy as np

from daemon.core.rows.examples import Chat
from daemon.core.rows.prefix import Prefix
from daemon.core.training.plan import draws_of, steps_of
from daemon.dedup.seen import keys_of, remake
from daemon.folders.queue.fingerprints import Keys
from daemon.training.data.corrections import ExamItems
from daemon.training.data.eligibility import Eligibility
from daemon.training.data.exam_rows import judge_rows, own_exam, pick_families
from daemon.training.data.replay import draw_earlier
from daemon.training.data.rows import JobRows
from daemon.training.data.validation_set import validation_set
from daemon.training.machine.compute_plan import ComputePlan
from daemon.training.records.choices import Choices, DroppedRow, Request, RowId


def choose(
    request: Request,
    rows: JobRows,
    libraries: Mapping[str, str],
    now: str,
    shape: ComputePlan,
    replay_share: float,
) -> Choices:
    """Return the choices of a run; with no example left, `steps` is 0."""
    eligibility = Eligibility(request, rows)
    examples, dropped, digest = _examples(request, rows, eligibility)
    training = request.settings.training
    draws = draws_of(len(examples), training.epochs, replay_share)
    items = ExamItems(request, rows, eligibility.corrected_exams())
    tune, judge = own_exam(request.jobs, rows, eligibility.families)
    evaluation = request.settings.evaluation
    earlier = _earlier(request, rows, {*tune, *judge}, items)
    tune, judge = items.judged(tune), items.judged(judge)
    replay = tuple(draw_earlier(request, rows, eligibility, draws))
    others = (*replay, *earlier, *tune, *judge)
    return Choices(
        attempt_0_at=now,
        libraries=libraries,
        examples=tuple(examples),
        dropped=dropped,
        replay=replay,
        replay_share=replay_share,
        # A small file has only judge rows; nothing is decided by looking at them.
        tune=_validation(request, rows, tune or judge),
        judge=pick_families(judge, rows, evaluation.judge_rows, request.seed),
        earlier=earlier,
        samples=_chats((*tune, *judge, *earlier), rows, evaluation.samples),
        steps=steps_of(len(examples), training.batch_rows, training.epochs),
        data_fingerprint=digest,
        **shape.as_choices(),
        prefixes=prefixes_of(rows, {*request.jobs, *(job for job, _ in others)}),
        answered_by=tuple(sorted(items.answered_by.items())),
        corrected=tuple(sorted(items.corrected.items())),
    )


def prefixes_of(rows: JobRows, jobs: Iterable[str]) -> dict[str, Prefix]:
    """Return the prefixes that jobs were taken in with; jobs without one are left out."""
    found = {job: rows.prefix(job) for job in sorted(jobs)}
    return {job: prefix for job, prefix in found.items() if prefix is not None}


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
        gone = eligibility.ineligible(job, keys, replayed=False)
        if gone:
            dropped[job] = tuple(gone[row] for row in sorted(gone))
        kept = [int(row) for row in rows.train(job).rows if int(row) not in gone]
        examples += [(number, row) for row in kept]
        digest.update(_bytes_of(keys, kept))
    return examples, dropped, digest.hexdigest()


def fingerprint_of(request: Request, rows: JobRows, examples: Iterable[tuple[int, int]]) -> str:
    """Return the fingerprint of examples as they stand in the files now, whatever was sealed."""
    kept: dict[int, list[int]] = {number: [] for number in range(len(request.jobs))}
    for number, row in examples:
        kept[number].append(row)
    digest = hashlib.sha256()
    for number, job in enumerate(request.jobs):
        digest.update(_bytes_of(remake(rows.find(job).train), kept[number]))
    return digest.hexdigest()


def _bytes_of(keys: Keys, rows: list[int]) -> bytes:
    """Return the keys of some rows, by row."""
    by_row = keys[np.argsort(keys["row"], kind="stable")]
    chosen = by_row[np.isin(by_row["row"], np.array(rows, dtype=np.uint32))]
    return np.stack([chosen["hi"], chosen["lo"]], axis=1).tobytes()


def _earlier(
    request: Request, rows: JobRows, own: set[RowId], items: ExamItems
) -> tuple[RowId, ...]:
    """Return judge rows of jobs the lineage has learned from: what must not be forgotten.

    So are those of files that were dropped to be measured with only.
    """
    known = [job for job in request.holdout_jobs if job not in set(request.jobs)]
    only = [job for job in known if rows.has(job) and not rows.find(job).train.exists()]
    jobs = (job for job in dict.fromkeys([*request.lineage_jobs, *only]) if job in set(known))
    others = items.judged(item for item in judge_rows(jobs, rows) if item not in own)
    return pick_families(others, rows, request.settings.evaluation.judge_rows, request.seed)


def _chats(ids: Iterable[RowId], rows: JobRows, most: int) -> tuple[RowId, ...]:
    """Return at most so many rows that ask something, in the order given."""
    found: list[RowId] = []
    for job, row in ids:
        if len(found) == most:
            break
        if isinstance(rows.example(job, row, "holdout"), Chat):
            found.append((job, row))
    return tuple(found)
