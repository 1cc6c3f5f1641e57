"""Masks the logits of constrained answers by array operations, on every back end."""

from collections.abc import Callable, Sequence

import numpy as np

from daemon.model.backend import mx
from daemon.text.token_constraint import TokenConstraint

BITS = 32


def masked(logits: mx.array, constraints: Sequence[TokenConstraint | None]) -> mx.array:
    """Return logits, (rows, vocabulary), without the tokens that a row's constraint forbids.

    Rows without a constraint keep theirs bit for bit.
    """
    if not any(constraints):
        return logits
    vocabulary = logits.shape[-1]
    words = np.zeros((len(constraints), -(-vocabulary // BITS)), np.uint32)
    for row, constraint in zip(words, constraints, strict=True):
        if constraint is None or constraint.fault is not None:
            row[:] = 0xFFFFFFFF
        else:
            mask = constraint.mask()[: len(row)]
            row[: len(mask)] = mask
    bits = (mx.array(words)[:, :, None] >> mx.arange(BITS, dtype=mx.uint32)) & 1
    allowed = bits.reshape(len(constraints), -1)[:, :vocabulary].astype(mx.bool_)
    return mx.where(allowed, logits, mx.array(-np.inf, logits.dtype))


def processor(constraint: TokenConstraint) -> Callable[[mx.array, mx.array], mx.array]:
    """Return the constraint as mlx-lm's generation calls it, with all tokens so far."""
    begun = False

    def process(tokens: mx.array, logits: mx.array) -> mx.array:
        nonlocal begun
        if begun:
            constraint.take(int(np.array(tokens[-1])))
        begun = True
        return masked(logits, [constraint])

    return process
