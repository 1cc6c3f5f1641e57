"""Builds the exam at the end of a run: the same items for every model, each with its own prefix.

Rows of the run's own files and items of suites get the prefix of the version that is examined, as
its users would prompt it; rows of earlier files keep the prefix they were trained with. The plain
form of a row is that of its file for every model, so that losses compare the same answers.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from daemon.core.evaluation.set_names import EARLIER, OWN
from daemon.core.evaluation.suites import Suite
from daemon.evaluation.questions import Question, suite_questions
from daemon.evaluation.scoring_session import Exam
from daemon.evaluation.writing import ExpectedWriting, expected_writing
from daemon.folders.models.models import read_manifest
from daemon.text.encoder import Encoded
from daemon.training.context import CurrentRun
from daemon.training.data.batches import families_of, holdout_rows, questions
from daemon.training.data.row_texts import RowTexts
from daemon.training.records.choices import RowId, prefix_of_run

LEAST_ANSWERS = 4
ROWS_AN_ANSWER = 16
"""The verdict takes one answer to a hold-out prompt for so many trained rows."""


def exam_of(current: CurrentRun, suites: Sequence[Suite]) -> Exam:
    """Return the exam of a run's candidate."""
    sets = set_ids(current)
    return Exam(
        {name: holdout_rows(current.rows, current.texts, ids) for name, ids in sets.items()},
        _questions(current, current.texts, suites),
        current.request.settings.evaluation.answer_s,
        {name: [job for job, _ in ids] for name, ids in sets.items()},
        {name: families_of(current.rows, ids) for name, ids in sets.items()},
        holdout_rows(current.rows, current.texts, tune_ids(current)),
    )


def set_ids(current: CurrentRun) -> dict[str, Sequence[RowId]]:
    """Return the rows of each set of a run's exam."""
    return {OWN: current.choices.judge, EARLIER: current.choices.earlier}


def tune_ids(current: CurrentRun) -> list[RowId]:
    """Return the tune rows measured along with the exam, the run's own first."""
    return [*own_tune_ids(current), *current.choices.earlier_tune]


def own_tune_ids(current: CurrentRun) -> list[RowId]:
    """Return the tune rows of the run's own files; a small file has none."""
    indexes = {job: current.rows.holdout(job) for job, _ in current.choices.tune}
    places = {item: indexes[item[0]].place(item[1]) for item in current.choices.tune}
    return [
        item for item, place in places.items() if place is not None and indexes[item[0]].tune[place]
    ]


def exam_for(
    current: CurrentRun, exam: Exam, suites: Sequence[Suite], version: Path
) -> Exam | None:
    """Return a candidate's exam with a sealed version's prefix; None if that is the same."""
    prefix = read_manifest(version).prefix
    if prefix == prefix_of_run(current.request, current.choices):
        return None
    texts = current.texts.with_prefix(current.request.jobs, prefix)

    def encode_again(ids: Sequence[RowId], rows: Sequence[Encoded]) -> list[Encoded]:
        whole = [(job, replace(current.rows.example(job, n, "holdout"), cut=0)) for job, n in ids]
        return _as_long(texts.encode(whole), rows)

    own_tune = own_tune_ids(current)
    tune = [*encode_again(own_tune, exam.tune[: len(own_tune)]), *exam.tune[len(own_tune) :]]
    sets = {**exam.sets, OWN: encode_again(current.choices.judge, exam.sets[OWN])}
    return replace(exam, sets=sets, questions=_questions(current, texts, suites), tune=tune)


def _questions(current: CurrentRun, texts: RowTexts, suites: Sequence[Suite]) -> list[Question]:
    choices, evaluation = current.choices, current.request.settings.evaluation
    # Judging a small file must not take longer than training it did.
    fair = max(LEAST_ANSWERS, len(choices.examples) // ROWS_AN_ANSWER)
    most, tokens = min(evaluation.judge_samples, fair), evaluation.max_new_tokens
    own = questions(current.rows, texts, choices.judge, OWN, tokens)
    earlier = questions(current.rows, texts, choices.earlier, EARLIER, tokens)
    half = min(len(earlier), most // 2)
    own = own[: most - half]
    chosen = [*own, *earlier[: most - len(own)]]
    encoder = texts.encoder(current.request.jobs[0])
    for suite in suites:
        chosen += suite_questions(suite, encoder)
    return chosen


def writing_of(current: CurrentRun, exam: Exam, suites: Sequence[Suite]) -> ExpectedWriting:
    """Return how the exam's questions are to be answered; suites are given whole."""
    jobs = dict.fromkeys(one.job for one in exam.questions if one.job is not None)
    newest = current.request.jobs[-1]
    return expected_writing(current.rows.layout, jobs, suites, newest)


def _as_long(rows: Sequence[Encoded], like: Sequence[Encoded]) -> list[Encoded]:
    """Return rows cut to the number of supervised tokens that the rows of `like` have.

    Otherwise a truncated row would lose more of its answer behind a longer prefix.
    """
    found = []
    for row, other in zip(rows, like, strict=True):
        answer = np.flatnonzero(row.supervised)[: int(other.supervised.sum())]
        end = int(answer[-1]) + 1
        found.append(Encoded(row.tokens[:end], row.supervised[:end], row.forged))
    return found
