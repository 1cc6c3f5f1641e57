"""Shortens the rows that memory has no room for any more, as `training.over_long` says.

Intake does the same to rows of more than `training.max_row_tokens`; here memory set the limit.
"""

from collections.abc import Iterable, Mapping

from daemon.text.encoder import Encoded
from daemon.text.fitting import Policy, fit
from daemon.training.data.row_texts import RowTexts
from daemon.training.data.rows import JobRows
from daemon.training.records.choices import RowId


def shortened(
    rows: JobRows, texts: RowTexts, ids: Iterable[RowId], most: int, policy: Policy
) -> Mapping[RowId, tuple[Encoded, ...]]:
    """Return the pieces of each row that can be made to fit into `most` tokens.

    By `reject` none is, and no row of which nothing supervised would be left, or of which a single
    exchange is too long.
    """
    if policy == "reject":
        return {}
    found: dict[RowId, tuple[Encoded, ...]] = {}
    for job, row in dict.fromkeys(ids):
        example = rows.example(job, row, "train")
        (fitted,) = fit(texts.encoder(job), [example], most, policy)
        if fitted.parts:
            found[job, row] = tuple(encoded for _, encoded in fitted.parts)
    return found
