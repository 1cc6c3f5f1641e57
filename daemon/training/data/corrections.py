"""Replaces exam items whose answer a later file has corrected by the held-out row that does so.

A row that corrects an exam item stands in its own job's `holdout.jsonl`. In the run that trains
that job both answers are reported and neither counts; later runs are scored by the new answer.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from daemon.core.rows.examples import answer_of, last_question
from daemon.core.training.manifests import CorrectedExamRow, RowName
from daemon.core.workspace.jobs import escape
from daemon.dedup.index import Earlier, earlier_of
from daemon.dedup.seen import keys_of
from daemon.dedup.superseding import Superseded
from daemon.training.data.rows import JobRows
from daemon.training.records.choices import Request, RowId

SHOWN = 20
"""Corrected items that are reported with both answers."""


@dataclass
class ExamItems:
    """The exam rows of a run, with corrections applied."""

    request: Request
    rows: JobRows
    superseded: Superseded
    answered_by: dict[RowId, RowId] = field(default_factory=dict)
    """By exam item, where that is not the row itself: the row that answers it."""
    corrected: dict[RowId, RowId] = field(default_factory=dict)
    """The items among them that a file of this very run corrects: they do not count in it."""
    _keys: dict[str, dict[int, Earlier]] = field(default_factory=dict)

    @property
    def learned(self) -> frozenset[str]:
        """The jobs that the lineage will have learned from at the end of the run."""
        return frozenset((*self.request.lineage_jobs, *self.request.jobs))

    def judged(self, ids: Iterable[RowId]) -> list[RowId]:
        """Return the rows that may decide a verdict: neither corrected nor new corrections."""
        known = [(item, self._key(item)) for item in ids]
        self.superseded.by_all([key for _, key in known if key is not None])
        for item, key in known:
            if key is not None:
                self._note(item, key)
        excluded = {*self.answered_by, *self.corrected.values()}
        return [item for item, _ in known if item not in excluded]

    def _note(self, item: RowId, key: Earlier) -> None:
        by = self.superseded.by(key)
        pairs = [] if by is None else [(item, (by.job, by.row))]
        pairs += [(old, item) for old in self.superseded.replaced_by(key)]
        for old, new in pairs:
            # An item that was never on this lineage's exam is corrected for another lineage.
            if old[0] in self.learned:
                self.answered_by[old] = new
                if new[0] in self.request.jobs:
                    self.corrected[old] = new

    def _key(self, item: RowId) -> Earlier | None:
        job, row = item
        if job not in self._keys:
            keys = keys_of(self.rows.find(job), "holdout")
            self._keys[job] = {int(key["row"]): earlier_of(job, key) for key in keys[::-1]}
        return self._keys[job].get(row)


def shown(corrected: Iterable[tuple[RowId, RowId]], rows: JobRows) -> tuple[CorrectedExamRow, ...]:
    """Return corrected exam items for the report: the question, the old and the new answer."""
    found = []
    for (job, row), (new_job, new_row) in list(corrected)[:SHOWN]:
        old, new = rows.example(job, row, "holdout"), rows.example(new_job, new_row, "holdout")
        found.append(
            CorrectedExamRow(
                item=RowName(job, row),
                by=RowName(new_job, new_row),
                question=escape(last_question(old), 200),
                old=escape(answer_of(old), 200),
                new=escape(answer_of(new), 200),
            )
        )
    return tuple(found)
