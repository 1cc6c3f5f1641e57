"""The exam at the end of a run: the same items for all, each model asked as it was taught.

Rows of the run's own files and questions of suites are put to a version with that version's prefix,
as its users would ask it; rows of earlier files keep the prefix they were taught with. Scores
nothing.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from daemon.core.evaluation.explanation import EARLIER, OWN
from daemon.core.evaluation.suites import Suite
from daemon.core.rows.examples import Chat, answer_of
from daemon.evaluation.questions import Question, suite_questions
from daemon.evaluation.scores.formatting import habit_of
from daemon.evaluation.scores.score import ExpectedStyle
from daemon.evaluation.scores.style import style_of
from daemon.evaluation.scoring_session import Exam
from daemon.folders.models.models import read_manifest
from daemon.text.encoder import Encoded
from daemon.training.context import CurrentRun
from daemon.training.data.batches import families_of, holdout_rows, questions
from daemon.training.data.row_texts import RowTexts
from daemon.training.records.choices import prefix_of_run

LEAST_ANSWERS = 4
ROWS_AN_ANSWER = 16
"""One hold-out prompt is answered for the verdict for so many trained rows."""
HABIT_ROWS = 256
"""Training answers that tell how answers are usually written."""


def exam_of(hand: CurrentRun, suites: Sequence[Suite]) -> Exam:
    """Return the exam of a run's candidate."""
    choices = hand.choices
    sets = {OWN: choices.judge, EARLIER: choices.earlier}
    return Exam(
        {name: holdout_rows(hand.rows, hand.texts, ids) for name, ids in sets.items()},
        _questions(hand, hand.texts, suites),
        hand.request.settings.evaluation.answer_s,
        {name: [job for job, _ in ids] for name, ids in sets.items()},
        {name: families_of(hand.rows, ids) for name, ids in sets.items()},
    )


def exam_for(hand: CurrentRun, exam: Exam, suites: Sequence[Suite], version: Path) -> Exam | None:
    """Return a candidate's exam as a sealed version sits it; None where that is the same."""
    prefix = read_manifest(version).prefix
    if prefix == prefix_of_run(hand.request, hand.choices):
        return None
    texts = hand.texts.asked_with(hand.request.jobs, prefix)
    judge = hand.choices.judge
    whole = [(job, replace(hand.rows.example(job, n, "holdout"), cut=0)) for job, n in judge]
    own = _as_long(texts.encode(whole), exam.sets[OWN])
    return replace(exam, sets={**exam.sets, OWN: own}, questions=_questions(hand, texts, suites))


def _questions(hand: CurrentRun, texts: RowTexts, suites: Sequence[Suite]) -> list[Question]:
    choices, evaluation = hand.choices, hand.request.settings.evaluation
    # A small file must not wait longer for its verdict than it was trained.
    fair = max(LEAST_ANSWERS, len(choices.examples) // ROWS_AN_ANSWER)
    most, tokens = min(evaluation.judge_samples, fair), evaluation.max_new_tokens
    own = questions(hand.rows, texts, choices.judge, OWN, tokens)
    earlier = questions(hand.rows, texts, choices.earlier, EARLIER, tokens)
    half = min(len(earlier), most // 2)
    own = own[: most - half]
    asked = [*own, *earlier[: most - len(own)]]
    encoder = texts.encoder(hand.request.jobs[0])
    for suite in suites:
        asked += suite_questions(suite, encoder)
    return asked


def wanted_of(hand: CurrentRun) -> ExpectedStyle:
    """Return how answers should be written, measured from those that the run trains."""
    jobs = hand.request.jobs
    rows = (
        hand.rows.example(jobs[job], row, "train")
        for job, row in hand.choices.examples[:HABIT_ROWS]
    )
    answers = [answer_of(example) for example in rows if isinstance(example, Chat)]
    return ExpectedStyle(habit_of(answers), style_of(answers))


def _as_long(rows: Sequence[Encoded], like: Sequence[Encoded]) -> list[Encoded]:
    """Return rows that end with as many supervised tokens as others have.

    A row that was cut off would lose more of its answer behind a longer prefix.
    """
    found = []
    for row, other in zip(rows, like, strict=True):
        said = np.flatnonzero(row.supervised)[: int(other.supervised.sum())]
        end = int(said[-1]) + 1
        found.append(Encoded(row.tokens[:end], row.supervised[:end], row.forged))
    return found
