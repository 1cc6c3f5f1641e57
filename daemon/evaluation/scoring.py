"""The interface of a scorer, which computes losses and answers, and chunked scoring of rows."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from daemon.core.evaluation.answers import Answer, AnswerLimits
from daemon.text.encoder import Encoded

CHUNK = 4
"""Rows scored at once; orders are polled in between."""

CHUNK_TOKENS = 2048
"""Tokens scored at once, unless one row is longer: more would delay a stop on a small GPU."""

OnAnswer = Callable[[int, Answer], None]
"""Called with each answer and the index of its prompt, as soon as it has ended."""

Interrupted = Callable[[], bool]
"""Polled between items: whether to stop."""


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
        on_answer: OnAnswer | None = None,
    ) -> list[Answer] | None:
        """Return the greedy answers, generated concurrently; None when interrupted.

        `on_answer` receives each at once, so that finished ones survive an interruption.
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
    """Yield the rows in order, as many at once as may be scored between two polls of the orders."""
    start, tokens = 0, 0
    for number, row in enumerate(rows):
        tokens += len(row.tokens)
        if number > start and (number - start == CHUNK or tokens > CHUNK_TOKENS):
            yield rows[start:number]
            start, tokens = number, len(row.tokens)
    if start < len(rows):
        yield rows[start:]


def mean_loss(scored: Sequence[tuple[float, int]]) -> float | None:
    """Return the mean in nats per supervised token; None without tokens."""
    tokens = sum(count for _, count in scored)
    return sum(total for total, _ in scored) / tokens if tokens else None
