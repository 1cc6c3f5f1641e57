"""The exam at the end of a run: the same answers for all, asked for as each version was taught.

Rows of the run's own files are put to a version with that version's prefix, as its users would ask
it; rows of earlier files keep the prefix they were taught with. Scores nothing.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from daemon.core.answers import Limits
from daemon.core.prefix import Prefix
from daemon.evaluation.judging import Exam
from daemon.folders.models import MANIFEST
from daemon.text.encoder import Encoded
from daemon.training.batches import holdout_rows, prompts
from daemon.training.bench import RunInHand
from daemon.training.frozen import prefix_of_run

OWN, EARLIER = "own_holdout", "earlier_holdout"
LEAST_ANSWERS = 4
ROWS_AN_ANSWER = 16
"""One hold-out prompt is answered for the verdict for so many trained rows."""


def exam_of(hand: RunInHand) -> Exam:
    """Return the exam of a run's candidate."""
    choices, evaluation = hand.choices, hand.request.settings.evaluation
    # A small file must not wait longer for its verdict than it was trained.
    fair = max(LEAST_ANSWERS, len(choices.examples) // ROWS_AN_ANSWER)
    most = min(evaluation.judge_samples, fair)
    asked = prompts(hand.rows, hand.texts, (*choices.judge, *choices.earlier))
    sets = {OWN: choices.judge, EARLIER: choices.earlier}
    return Exam(
        {name: holdout_rows(hand.rows, hand.texts, ids) for name, ids in sets.items()},
        asked[:most],
        Limits(evaluation.max_new_tokens, evaluation.answer_s),
    )


def exam_for(hand: RunInHand, exam: Exam, version: Path) -> Exam:
    """Return a candidate's exam as a sealed version sits it."""
    record = json.loads((version / MANIFEST).read_bytes()).get("prefix")
    prefix = Prefix.from_record(record)
    if prefix == prefix_of_run(hand.request, hand.choices):
        return exam
    texts = hand.texts.asked_with(hand.request.jobs, prefix)
    judge = hand.choices.judge
    whole = [(job, replace(hand.rows.example(job, n, "holdout"), cut=0)) for job, n in judge]
    own = _as_long(texts.encode(whole), exam.sets[OWN])
    asked = prompts(hand.rows, texts, (*judge, *hand.choices.earlier))
    return Exam({**exam.sets, OWN: own}, asked[: len(exam.prompts)], exam.limits)


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
