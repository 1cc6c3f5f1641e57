"""Replay: draws rows of earlier runs to train again among the new ones, against forgetting."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from daemon.core.training.plan import mix, shuffled
from daemon.dedup.family_keys import components
from daemon.dedup.family_making import families_by_keys
from daemon.dedup.seen import keys_of
from daemon.folders.queue.family_files import FAMILY
from daemon.training.data.eligibility import Eligibility, only_rows
from daemon.training.data.rows import JobRows
from daemon.training.records.choices import Request, RowId


def draw_earlier(
    request: Request,
    rows: JobRows,
    eligibility: Eligibility,
    draws: int,
    weights: Mapping[str, float],
) -> list[RowId]:
    """Return training rows of the starting version's lineage, in the order they are drawn.

    Every family with an eligible row is equally likely, and none is drawn twice before all were
    drawn once; the rows of a family take turns. Jobs that were pruned or removed have no rows any
    more. With `weights` by job, this holds within each job.
    """
    if not draws:
        return []
    jobs = earlier_jobs(request, rows)
    if not weights:
        earlier = EarlierRows(jobs, rows, eligibility)
        return _draw(earlier, draws, mix(request.seed, "replay", request.step))
    drawn: list[RowId] = []
    counts = {job: len(rows.train(job).rows) * weights.get(job, 1.0) for job in jobs}
    for number, job in enumerate(jobs):
        # The share of a job without eligible rows is drawn from the jobs after it.
        left = sum(counts[other] for other in jobs[number:])
        share = round((draws - len(drawn)) * counts[job] / left)
        seed = mix(request.seed, "replay", request.step, job)
        drawn += _draw(EarlierRows([job], rows, eligibility), share, seed)
    return [drawn[n] for n in shuffled(range(len(drawn)), mix(request.seed, "aim", request.step))]


def earlier_jobs(request: Request, rows: JobRows) -> list[str]:
    """Return the jobs of a lineage that still have rows to replay."""
    return [
        job
        for job in dict.fromkeys(request.lineage_jobs)
        if job not in request.jobs and rows.has(job) and rows.find(job).train.exists()
    ]


def _draw(earlier: "EarlierRows", draws: int, seed: int) -> list[RowId]:
    families = _Families(earlier.families())
    generator = np.random.default_rng(seed)
    drawn: list[int] = []
    while len(drawn) < draws and families.usable.any():
        turn = families.usable.copy()
        while len(drawn) < draws and turn.any():
            # No more than are needed: the check of a row reads it from the disk.
            places = np.flatnonzero(turn)
            size = min(len(places), draws - len(drawn))
            chosen = places[generator.choice(len(places), size=size, replace=False)]
            taken = {families.next_row(family): family for family in chosen.tolist()}
            barred = earlier.ineligible(taken)
            drawn += [place for place in taken if place not in barred]
            for place in barred:
                families.bar(taken[place], place)
            # A family whose row is barred stays in this turn with another row.
            turn[[family for place, family in taken.items() if place not in barred]] = False
            turn &= families.usable
    return [earlier.at(place) for place in drawn]


class _Families:
    """The rows of each family, drawn in turn."""

    def __init__(self, labels: npt.NDArray[np.int64]) -> None:
        """`labels` has the same number for all rows of a family."""
        self._by_family = np.argsort(labels, kind="stable")
        _, self._begins = np.unique(labels[self._by_family], return_index=True)
        self._touched: dict[int, list[int]] = {}
        self._turns: Counter[int] = Counter()
        self.usable = np.ones(len(self._begins), np.bool_)

    def next_row(self, family: int) -> int:
        """Return the row of a family whose turn it is."""
        rows = self._rows(family)
        self._turns[family] += 1
        return rows[(self._turns[family] - 1) % len(rows)]

    def bar(self, family: int, row: int) -> None:
        """Exclude a row from later draws, and its family once it has no other row."""
        self._rows(family).remove(row)
        self.usable[family] = bool(self._rows(family))

    def _rows(self, family: int) -> list[int]:
        if family not in self._touched:
            begin, *end = self._begins[family : family + 2].tolist()
            self._touched[family] = self._by_family[begin : end[0] if end else None].tolist()
        return self._touched[family]


class EarlierRows:
    """The rows of earlier runs, numbered through over all jobs."""

    def __init__(self, jobs: Sequence[str], rows: JobRows, eligibility: Eligibility) -> None:
        self._rows = rows
        self._eligibility = eligibility
        self._known = [(job, np.sort(keys_of(rows.find(job), "train")["row"])) for job in jobs]
        self._ends = np.cumsum([len(numbers) for _, numbers in self._known], dtype=np.int64)

    def families(self) -> npt.NDArray[np.int64]:
        """Return for each place the first place with a row of the same family."""
        found = [np.zeros(0, FAMILY)]
        for job, numbers in self._known:
            place = self._rows.find(job)
            keys = keys_of(place, "train")
            keys = keys[np.argsort(keys["row"], kind="stable")]
            assert len(keys) == len(numbers)
            found.append(families_by_keys(place, keys))
        return components(np.concatenate(found))

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
