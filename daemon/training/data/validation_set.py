"""Chooses the held-out rows of a run's validation loss, once, so that all its losses compare.

The choice goes by lengths, not by time: the same run has the same rows on every machine.
"""

from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from daemon.evaluation.scoring import CHUNK
from daemon.training.data.rows import JobRows
from daemon.training.records.choices import Request, RowId

VALIDATION_SHARE = 0.5
"""Share of the evaluation budget for the validation loss; samples get the rest."""

SCORED_FOR_TRAINED = 2
"""Tokens scored in the time of training one: a backward pass takes as long as a forward pass."""


def validation_set(request: Request, rows: JobRows, chosen: Sequence[RowId]) -> tuple[RowId, ...]:
    """Return the first of the chosen rows, as many as each evaluation has time for.

    At least one chunk, and all of them where they decide an early stop.
    """
    settings = request.settings
    if settings.training.patience_steps or not settings.evaluation.eval_every:
        return tuple(chosen)
    lengths = [_tokens(rows, *item) for item in chosen]
    most = VALIDATION_SHARE * settings.evaluation.budget_share * _between(request, rows)
    fitting = sum(tokens <= SCORED_FOR_TRAINED * most for tokens in accumulate(lengths))
    return tuple(chosen[: max(CHUNK, fitting)])


def _between(request: Request, rows: JobRows) -> float:
    """Return the tokens trained between two evaluations."""
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
