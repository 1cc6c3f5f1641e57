"""Compares a candidate's suite scores with the best that its lineage had, and updates these."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from daemon.core.evaluation.right_answers import MAIN, WORD_METRICS
from daemon.core.records import to_json_value
from daemon.core.training.judgement import PairedComparison
from daemon.core.training.suite_scores import (
    ItemScores,
    LineageScores,
    SuiteScores,
    best_before,
    with_candidate,
)
from daemon.evaluation.candidate_scores import (
    JudgementScores,
    ModelScores,
    compare_scores,
    metric_by,
)
from daemon.evaluation.questions import Question
from daemon.evaluation.scoring_session import Exam


@dataclass(frozen=True)
class _Measured:
    """One suite: what the candidate and the starting version scored, by item."""

    questions: Mapping[str, Question]
    candidate: Mapping[str, ItemScores]
    start: Mapping[str, ItemScores]


class SuiteFloors:
    """The suites of one exam against the best scores that a lineage had in them."""

    def __init__(
        self, lineage: LineageScores, marks: JudgementScores, exam: Exam, suites: Sequence[str]
    ) -> None:
        self._lineage = lineage
        self._start = marks.references[0].examinee.name
        self._measured = {name: _measured(marks, exam, name) for name in suites}

    def tests(self) -> list[PairedComparison]:
        """Return the test of each suite against the best version of it."""
        found = (self._test(name, its) for name, its in self._measured.items())
        return [test for test in found if test is not None]

    def handed_on(self, level: float) -> LineageScores:
        """Return the lineage's scores, updated by the candidate, for its version to store."""
        better = {test.name for test in self.tests() if test.p_better < level}
        suites: dict[str, SuiteScores] = dict(self._lineage.suites)
        for name, its in self._measured.items():
            start = self._start, its.start
            suites[name] = with_candidate(
                suites.get(name), start, its.candidate, better=name in better
            )
        return LineageScores(suites=suites)

    def _test(self, name: str, its: _Measured) -> PairedComparison | None:
        known = self._lineage.suites.get(name)
        best = best_before(known, its.start)
        questions = list(its.questions.values())
        if not questions:
            return None
        metric = metric_by(questions[0].scorer, [*its.candidate.values(), *best.values()])
        pairs = [
            (its.candidate[key][metric], best[key][metric], question.item.group)
            for key, question in its.questions.items()
            if metric in its.candidate[key] and metric in best[key]
        ]
        if not pairs:
            return None
        test = compare_scores([pair[:2] for pair in pairs], [group for *_, group in pairs])
        against = self._start if known is None else known.best
        return PairedComparison(name=name, against=against, metric=metric, **asdict(test))


def _measured(marks: JudgementScores, exam: Exam, name: str) -> _Measured:
    questions = {_key(one): one for one in exam.questions if one.set == name}
    return _Measured(
        questions,
        _scores(marks.candidate, exam, name),
        _scores(marks.references[0], exam, name),
    )


def _scores(model: ModelScores, exam: Exam, name: str) -> dict[str, ItemScores]:
    pairs = zip(exam.questions, model.scores, strict=True)
    return {
        _key(question): {
            metric: value
            for metric, value in score.metrics.items()
            if metric in (MAIN[question.scorer], *WORD_METRICS)
        }
        for question, score in pairs
        if question.set == name
    }


def _key(question: Question) -> str:
    """Return a key of an item, whatever prefix a model is asked it with."""
    about = [question.scorer, question.max_tokens, to_json_value(replace(question.item, line=0))]
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:32]
