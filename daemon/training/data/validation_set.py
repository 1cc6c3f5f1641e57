"""Chooses the held-out rows of a run's validation loss, once: each loss is of the same rows.

Lengths decide, not clocks: the same run has the same rows on every machine.
"""

from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from daemon.evaluation.scoring import CHUNK
from daemon.training.data.rows import JobRows
from daemon.training.records.choices import Request, RowId

VALIDATION_SHARE = 0.5
"""Part of the budget of evaluations that the validation loss may take; samples have the rest."""

SCORED_FOR_TRAINED = 2
"""Tokens scored in the time of one that is trained: its backward pass takes another forward's."""


def validation_set(request: Request, rows: JobRows, chosen: Sequence[RowId]) -> tuple[RowId, ...]:
    """Return as many of the chosen rows, first ones first, as each evaluation has time for.

    At least one chunk; all of them where an early stop is decided by them.
    """
    settings = request.settings
    if settings.training.patience_steps or not settings.evaluation.eval_every:
        return tuple(chosen)
    lengths = [_tokens(rows, *item) for item in chosen]
    most = VALIDATION_SHARE * settings.evaluation.budget_share * _between(request, rows)
    fitting = sum(tokens <= SCORED_FOR_TRAINED * most for tokens in accumulate(lengths))
    return tuple(chosen[: max(CHUNK, fitting)])


def _between(request: Request, rows: JobRows) -> float:
    """Return the tokens that are trained between two evaluations."""
    lengths = np.concatenate([rows.train(job).tokens for job in request.jobs])
    if not len(lengths):
        return 0.0
    of_step = min(request.settings.training.batch_rows, len(lengths)) * float(lengths.mean())
    return request.settings.evaluation.eval_every * of_step


def _tokens(rows: JobRows, job: str, row: int) -> int:
    index = rows.holdout(job)
    place = index.place(row)
    assert place is not None, "it was chosen from this index"
    return int(index.tokens[place])
