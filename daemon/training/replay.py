"""Draws rows of earlier runs to be trained again among new ones; knows no step."""

from collections.abc import Iterable

import numpy as np

from daemon.core.plan import mix
from daemon.dedup.seen import keys_of
from daemon.training.eligibility import Eligibility, only_rows
from daemon.training.frozen import Request, RowId
from daemon.training.rows import JobRows


def draw_earlier(
    request: Request, rows: JobRows, eligibility: Eligibility, draws: int
) -> list[RowId]:
    """Return training rows of the starting version's lineage, in the order of their turns.

    Each that may be trained is as likely as any other, and none comes twice before all have come
    once. Jobs that were pruned or removed have no rows any more.
    """
    earlier = EarlierRows(request, rows, eligibility)
    generator = np.random.default_rng(mix(request.seed, "replay", request.step))
    usable = np.ones(earlier.count, np.bool_)
    drawn: list[int] = []
    while len(drawn) < draws and usable.any():
        turn = usable.copy()
        while len(drawn) < draws and turn.any():
            # No more than are needed: whether a row may be trained takes a look at the row.
            places = np.flatnonzero(turn)
            size = min(len(places), draws - len(drawn))
            taken = places[generator.choice(len(places), size=size, replace=False)]
            barred = earlier.ineligible(taken.tolist())
            drawn += [place for place in taken.tolist() if place not in barred]
            turn[taken] = False
            usable[list(barred)] = False
    return [earlier.at(place) for place in drawn]


class EarlierRows:
    """The rows of earlier runs, by their place in one long row of them."""

    def __init__(self, request: Request, rows: JobRows, eligibility: Eligibility) -> None:
        self._rows = rows
        self._eligibility = eligibility
        jobs = [
            job
            for job in dict.fromkeys(request.lineage_jobs)
            if job not in request.jobs and rows.has(job) and rows.find(job).train.exists()
        ]
        self._known = [(job, np.sort(keys_of(rows.find(job), "train")["row"])) for job in jobs]
        self._ends = np.cumsum([len(numbers) for _, numbers in self._known], dtype=np.int64)

    @property
    def count(self) -> int:
        """How many there are."""
        return int(self._ends[-1]) if len(self._ends) else 0

    def at(self, place: int) -> RowId:
        """Return the row at a place."""
        job = int(np.searchsorted(self._ends, place, side="right"))
        name, numbers = self._known[job]
        return name, int(numbers[place - self._ends[job] + len(numbers)])

    def ineligible(self, places: Iterable[int]) -> set[int]:
        """Return which of some places hold rows that the run must not train."""
        ids = {place: self.at(place) for place in places}
        by_job: dict[str, list[int]] = {}
        for job, row in ids.values():
            by_job.setdefault(job, []).append(row)
        barred = {(job, row) for job in by_job for row in self._barred(job, by_job[job])}
        return {place for place, item in ids.items() if item in barred}

    def _barred(self, job: str, rows: list[int]) -> Iterable[int]:
        keys = only_rows(keys_of(self._rows.find(job), "train"), rows)
        return self._eligibility.ineligible(job, keys, replayed=True)
