"""Draws rows of earlier runs to be trained again among new ones; knows no step."""

from collections.abc import Iterator

import numpy as np

from daemon.core.plan import mix
from daemon.dedup.seen import keys_of
from daemon.training.frozen import Request, RowId
from daemon.training.rows import JobRows


def draw_earlier(request: Request, rows: JobRows, draws: int) -> list[RowId]:
    """Return training rows of the starting version's lineage, in the order of their turns.

    Each is as likely as any other, and none comes twice before all have come once. Jobs that were
    pruned or removed have no rows any more.
    """
    jobs = [
        job
        for job in dict.fromkeys(request.lineage_jobs)
        if job not in request.jobs and rows.has(job) and rows.find(job).train.exists()
    ]
    known = [(job, np.sort(keys_of(rows.find(job), "train")["row"])) for job in jobs]
    ends = np.cumsum([len(numbers) for _, numbers in known], dtype=np.int64)
    if not draws or not len(ends) or not ends[-1]:
        return []
    found = []
    for place in _places(int(ends[-1]), draws, mix(request.seed, "replay", request.step)):
        job = int(np.searchsorted(ends, place, side="right"))
        name, numbers = known[job]
        found.append((name, int(numbers[place - ends[job] + len(numbers)])))
    return found


def _places(rows: int, draws: int, seed: int) -> Iterator[int]:
    """Give numbers below `rows`; all of them before any comes again."""
    generator = np.random.default_rng(seed)
    while draws > 0:
        # No more than are needed: a permutation of millions for a few draws would take long.
        taken = generator.choice(rows, size=min(rows, draws), replace=False)
        yield from taken.tolist()
        draws -= len(taken)
