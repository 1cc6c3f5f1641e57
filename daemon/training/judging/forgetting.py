"""Measures what a candidate has forgotten of earlier files; updates the lineage's best losses."""

from collections.abc import Iterable, Mapping, Sequence

from daemon.core.evaluation.set_names import EARLIER, OWN
from daemon.core.training.forgetting import (
    LineageLosses,
    MeasuredRow,
    Part,
    Rise,
    Tolerance,
    rises,
    together,
    with_candidate,
)
from daemon.core.training.judgement import Forgetting
from daemon.evaluation.candidate_scores import JudgementScores
from daemon.evaluation.paired import compare
from daemon.evaluation.scoring_session import Exam, loss_key
from daemon.settings_evaluation import GateSettings
from daemon.text.encoder import Encoded
from daemon.training.records.choices import RowId


class ForgettingMeter:
    """How much one candidate has forgotten, by the losses of its exam."""

    def __init__(self, start: str, lineage: LineageLosses, measured: Sequence[MeasuredRow]) -> None:
        self._start = start
        self._lineage = lineage
        self._measured = measured
        self._rises = rises(lineage, measured, start)

    def tests(self, earlier: Iterable[str], gate: GateSettings) -> list[Forgetting]:
        """Return the tests of each earlier file, and of all together if there are several."""
        tolerance = Tolerance(gate.forgetting, gate.forgetting_share)

        def tolerated(rise: Rise) -> float:
            return tolerance.of(rise.gained)

        found = {
            job: self._rises[job, "judge"]
            for job in dict.fromkeys(earlier)
            if (job, "judge") in self._rises
        }
        tests = [_test(job, rise, tolerated(rise)) for job, rise in found.items()]
        if len(found) > 1:
            tests.insert(0, _test(EARLIER, *together(list(found.values()), tolerated)))
        return tests

    def handed_on(self) -> LineageLosses:
        """Return the lineage's losses, updated by the candidate, for its version to store."""
        return with_candidate(self._lineage, self._measured, self._start)


def measured_rows(
    marks: JudgementScores,
    exam: Exam,
    ids: Mapping[str, Sequence[RowId]],
    tune: Sequence[RowId],
    tune_families: Sequence[str],
) -> list[MeasuredRow]:
    """Return every hold-out row of an exam with the losses of the candidate and its references.

    `ids` has the ids of each set's rows, `tune` those of the exam's tune rows.
    """
    found: list[MeasuredRow] = []
    for name in (OWN, EARLIER):
        by_model = [one.results.losses[name] for one in marks.all_models]
        found += _rows(marks, "judge", ids[name], exam.sets[name], exam.families[name], by_model)
    by_model = [one.results.tune for one in marks.all_models]
    return found + _rows(marks, "tune", tune, exam.tune, tune_families, by_model)


def _rows(
    marks: JudgementScores,
    part: Part,
    ids: Sequence[RowId],
    rows: Sequence[Encoded],
    families: Sequence[str],
    losses: Sequence[Sequence[tuple[float, int]]],
) -> list[MeasuredRow]:
    base = next(
        (n for n, one in enumerate(marks.references, 1) if one.examinee.folder is None), None
    )
    return [
        MeasuredRow(
            job,
            part,
            row,
            loss_key(rows[place]),
            losses[0][place][1],
            losses[0][place][0],
            losses[1][place][0],
            None if base is None else losses[base][place][0],
            families[place],
        )
        for place, (job, row) in enumerate(ids)
    ]


def _test(name: str, rise: Rise, tolerated: float) -> Forgetting:
    now, best = ([pair[side] for pair in rise.rows] for side in (0, 1))
    test = compare(now, best, rise.families)
    return Forgetting(
        name, rise.best, test.items, rise.mean, rise.gained, tolerated, test.p_worse, test.families
    )
