"""Turns a pass into arrays: tokens, segments of packed texts, and the supervised positions."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np

from daemon.core.training.packing import RowShapes
from daemon.model.backend import mx
from daemon.text.encoder import Encoded


@dataclass(frozen=True)
class PassArrays:
    """One pass as the model takes it."""

    tokens: Any
    """(rows, width)."""
    segments: Any
    """(rows, width): the number of each token's text; None if no row has two texts."""
    picks: Any
    """(positions,): indices into the flattened rows whose next token is supervised."""
    targets: Any
    """(positions,): those next tokens."""
    weights: Any
    """(positions,): 1 for a supervised token, 0 for padding."""
    owners: np.ndarray
    """For each supervised position the number of its text in the pass."""
    key: bytes
    """A hash of the tokens and their places."""

    @property
    def supervised(self) -> int:
        """Return the number of supervised tokens."""
        return len(self.owners)


def arrange(rows: Sequence[Sequence[Encoded]], width: int, shapes: RowShapes) -> PassArrays:
    """Return the arrays of a pass; padding rows and positions have weight 0."""
    height = shapes.height(width, len(rows))
    tokens = np.zeros((height, width), np.int32)
    segments = np.zeros((height, width), np.int32)
    owner = np.full((height, width), -1, np.int32)
    number = 0
    for place, row in enumerate(rows):
        start = 0
        for text in row:
            end = start + len(text.tokens)
            tokens[place, start:end] = text.tokens
            segments[place, start:end] = number
            # Nothing comes before the first token of a text, so nothing predicts it.
            owner[place, start + 1 : end][text.supervised[1:]] = number
            start, number = end, number + 1
        segments[place, start:] = number
    places, columns = np.nonzero(owner >= 0)
    size = shapes.picks(len(places), height * width)
    picks, targets = np.zeros(size, np.int32), np.zeros(size, np.int32)
    weights = np.zeros(size, np.float32)
    picks[: len(places)] = places * width + columns - 1
    targets[: len(places)] = tokens[places, columns]
    weights[: len(places)] = 1.0
    # Rows of one text need no mask but the causal one, which fused attention can train with.
    apart = shapes.packed and any(len(row) > 1 for row in rows)
    digest = blake2b(tokens.tobytes() + segments.tobytes() + bytes([apart]), digest_size=16)
    return PassArrays(
        tokens=mx.array(tokens),
        segments=mx.array(segments) if apart else None,
        picks=mx.array(picks),
        targets=mx.array(targets),
        weights=mx.array(weights),
        owners=owner[places, columns],
        key=digest.digest() + width.to_bytes(4),
    )
