"""Finds which of the rows that ask just the same still count, as files correct one another.

Computed from the rows of a lineage whenever it is asked for, and kept nowhere: a lineage without
the file that corrects has the corrected row again.
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from daemon.core.rows.examples import Example
from daemon.core.workspace.jobs import arrival_of
from daemon.dedup.index import Earlier, Index
from daemon.dedup.judging import Judge
from daemon.dedup.sealing import Sealer
from daemon.dedup.seen import Seen, keys_of
from daemon.folders.queue.fingerprints import KEY
from daemon.folders.queue.queue import find_job
from daemon.layout import Layout
from daemon.settings_files import DedupSettings

SEVERAL = 0
"""Stands for an answer in the keys of a row whose file had another one to the same question, which
was known already."""
U64 = npt.NDArray[np.uint64]
Bools = npt.NDArray[np.bool_]

RowAt = tuple[str, int]
"""A job and the number of a row in it."""


class Superseded:
    """The rows of one index that a later file has corrected."""

    def __init__(
        self,
        index: Index,
        example_at: Callable[[Earlier], Example | None],
        judge: Judge,
        corrects: Callable[[str], bool] = lambda job: True,
        wanted: bool = True,
    ) -> None:
        """`corrects` says of a job whether its rows correct earlier ones: it is in the lineage.

        What any other job corrects stays, and its row does not count. Unless `wanted`, all count.
        """
        self._index = index
        self._example_at = example_at
        self._judge = judge
        self._corrects = corrects
        self._wanted = wanted
        self._known: dict[int, dict[RowAt, Earlier]] = {}

    def has(self, earlier: Earlier) -> bool:
        """Return whether a row counts no more."""
        return self.by(earlier) is not None

    def by(self, earlier: Earlier) -> Earlier | None:
        """Return the row that took the place of one; None if that one counts."""
        if not self._wanted:
            return None
        if earlier.question not in self._known:
            self._known[earlier.question] = self._gone(self._index.asking([earlier])[0])
        return self._known[earlier.question].get((earlier.job, earlier.row))

    def by_all(self, rows: Sequence[Earlier]) -> list[Earlier | None]:
        """Return the rows that took the place of some rows; all are looked up at once."""
        if self._wanted:
            new = [row for row in rows if row.question not in self._known]
            for row, asking in zip(new, self._index.asking(new), strict=True):
                if row.question not in self._known:
                    self._known[row.question] = self._gone(asking)
        return [self.by(row) for row in rows]

    def replaced_by(self, row: Earlier) -> list[RowAt]:
        """Return the rows whose place a row took."""
        self.by_all([row])
        known = self._known.get(row.question, {}) if self._wanted else {}
        return [at for at, by in known.items() if (by.job, by.row) == (row.job, row.row)]

    def live(self, rows: Sequence[Earlier]) -> list[Earlier]:
        """Return the rows that count."""
        return [row for row, by in zip(rows, self.by_all(rows), strict=True) if by is None]

    def living(self, exact: dict[int, Earlier]) -> dict[int, Earlier]:
        """Return what was found but for rows that count no more."""
        self.by_all(list(exact.values()))
        return {place: one for place, one in exact.items() if not self.has(one)}

    def _gone(self, asking: Sequence[Earlier]) -> dict[RowAt, Earlier]:
        """Return the rows that count no more, of all that ask one question, and what does."""
        by_job: dict[str, list[Earlier]] = {}
        for row in asking:
            by_job.setdefault(row.job, []).append(row)
        gone: dict[RowAt, Earlier] = {}
        live: list[Earlier] = []
        for job in sorted(by_job, key=lambda job: (arrival_of(job), job)):
            new = by_job[job]
            if not (live and self._is_correction(live, new)):
                live += new
            elif self._corrects(job):
                gone |= {(row.job, row.row): new[0] for row in live}
                live = new
            else:
                gone |= {(row.job, row.row): live[0] for row in new}
        return gone

    def _is_correction(self, live: Sequence[Earlier], new: Sequence[Earlier]) -> bool:
        """Return whether one answer takes the place of one other."""
        answers = ({row.answer for row in live}, {row.answer for row in new})
        if any(len(one) != 1 or SEVERAL in one for one in answers) or answers[0] == answers[1]:
            return False
        old, later = self._example_at(live[0]), self._example_at(new[0])
        if old is None or later is None:
            return False
        mine, its = self._judge.side(later), self._judge.side(old)
        return (
            not self._judge.are_kin(mine, its)
            and mine.question.equals(its.question)
            and self._judge.corrects(mine, its)
        )


def superseded_exam_rows(
    layout: Layout, jobs: Sequence[str], settings: DedupSettings
) -> frozenset[RowAt]:
    """Return the held-out rows of a lineage's jobs that another one of them has corrected."""
    seen = Seen(layout, "holdout", jobs)
    index, judge = seen.open(merge=False), Judge(Sealer(), settings.threshold)
    past = Superseded(index, seen.example, judge, wanted=corrections_wanted(settings))
    found: set[RowAt] = set()
    for job in jobs:
        place = find_job(layout, job)
        keys = np.zeros(0, KEY) if place is None else keys_of(place, "holdout")
        same = index.with_same_question(keys, job)
        gone = zip(same, past.by_all(same), strict=True)
        found |= {(row.job, row.row) for row, by in gone if by is not None}
    return frozenset(found)


def corrections_wanted(settings: DedupSettings) -> bool:
    """Return whether later answers take the place of earlier ones."""
    return settings.near and settings.corrections == "newest"


def several_answers(questions: U64, answers: U64) -> Bools:
    """Return for each row whether its question has more than one answer among them."""
    order = np.lexsort((answers, questions))
    ask, said = questions[order], answers[order]
    begins = np.concatenate([[True], ask[1:] != ask[:-1]])[: len(order)]
    new = begins | np.concatenate([[True], said[1:] != said[:-1]])[: len(order)]
    group = np.cumsum(begins) - 1
    found = np.zeros(len(order), np.bool_)
    found[order] = np.bincount(group, weights=new)[group] > 1
    return found
