"""Log-probabilities of tokens, and of the likeliest ones at their places."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from daemon.model.backend import mx


@dataclass(frozen=True)
class RawScore:
    """A token's log-probability, and those of the likeliest tokens at its place."""

    token: int
    logprob: float
    top: tuple[tuple[int, float], ...]


class Scored(Protocol):
    """What asks for scores."""

    @property
    def alternatives(self) -> int | None:
        """How many of the likeliest tokens."""
        ...


class LazyScore:
    """The score of one token; nothing is evaluated before it is read."""

    def __init__(self, logits: Any, chosen: Any, alternatives: int) -> None:
        """`logits` has one place, (vocabulary,)."""
        self._chosen = chosen
        self._lines = logits.astype(mx.float32)[None]
        self._alternatives = alternatives

    def read(self) -> RawScore:
        """Return the score."""
        return _read(self._lines, [int(self._chosen.item())], self._alternatives)[0]


def scores_of(logits: Any, tokens: Sequence[int], asks: Scored) -> list[RawScore]:
    """Return the score of each token at its place; `logits` is (places, vocabulary)."""
    if not tokens:
        return []
    return _read(logits[: len(tokens)].astype(mx.float32), tokens, asks.alternatives or 0)


def _read(logits: Any, tokens: Sequence[int], alternatives: int) -> list[RawScore]:
    chances = logits - mx.logsumexp(logits, axis=-1, keepdims=True)
    own: Any = mx.take_along_axis(chances, mx.array(list(tokens))[:, None], axis=-1)[:, 0].tolist()
    count = min(alternatives, chances.shape[-1])
    if not count:
        return [RawScore(token, value, ()) for token, value in zip(tokens, own, strict=True)]
    best = mx.argpartition(-chances, kth=count - 1, axis=-1)[:, :count]
    names: Any = best.tolist()
    values: Any = mx.take_along_axis(chances, best, axis=-1).tolist()
    rows = zip(tokens, own, names, values, strict=True)
    return [RawScore(token, value, _sorted(*top)) for token, value, *top in rows]


def _sorted(names: Sequence[int], values: Sequence[float]) -> tuple[tuple[int, float], ...]:
    return tuple(sorted(zip(names, values, strict=True), key=lambda pair: (-pair[1], pair[0])))
