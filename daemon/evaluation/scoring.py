"""What evaluations need of a model, and how they take turns with it; knows no adapter, no run."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from daemon.core.evaluation.answers import Answer, AnswerLimits
from daemon.text.encoder import Encoded

CHUNK = 4
"""Rows scored at once; orders are looked at in between."""

CHUNK_TOKENS = 2048
"""Tokens scored at once, where a row is not longer: more take a small GPU longer than a stop."""

Heard = Callable[[int, Answer], None]
"""Given each answer with the place of its prompt, as soon as it has ended."""

Interrupted = Callable[[], bool]
"""Asked between items: is the work to be left?"""


class Scorer(Protocol):
    """A model that scores rows and answers prompts; neither changes it."""

    def losses(self, rows: Sequence[Encoded]) -> list[tuple[float, int]]:
        """Return for each row the sum of its losses in nats, and its supervised tokens."""
        ...

    def answer(
        self,
        prompts: Sequence[Sequence[int]],
        limits: AnswerLimits,
        interrupted: Interrupted,
        heard: Heard | None = None,
    ) -> list[Answer] | None:
        """Return the greedy answers, made side by side; None when interrupted.

        `heard` is given each at once, so that those that have ended outlive an interruption.
        """
        ...


def row_losses(
    scorer: Scorer, rows: Sequence[Encoded], interrupted: Interrupted
) -> list[tuple[float, int]] | None:
    """Score all rows; None when interrupted."""
    found: list[tuple[float, int]] = []
    for chunk in chunks(rows):
        if interrupted():
            return None
        found += scorer.losses(chunk)
    return found


def chunks(rows: Sequence[Encoded]) -> Iterator[Sequence[Encoded]]:
    """Give the rows in order, as many at once as may be scored between two looks at the orders."""
    start, tokens = 0, 0
    for number, row in enumerate(rows):
        tokens += len(row.tokens)
        if number > start and (number - start == CHUNK or tokens > CHUNK_TOKENS):
            yield rows[start:number]
            start, tokens = number, len(row.tokens)
    if start < len(rows):
        yield rows[start:]


def mean_loss(scored: Sequence[tuple[float, int]]) -> float | None:
    """Return the mean in nats a supervised token; None without tokens."""
    tokens = sum(count for _, count in scored)
    return sum(total for total, _ in scored) / tokens if tokens else None
