"""Finds conversations that are the beginning of longer ones: requests that repeat the history."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from daemon.core.rows.examples import Chat, Example, Turn
from daemon.core.rows.fingerprint import key_of

I64 = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.void]
"""Keys as two numbers each: `hi` and `lo`."""


def numbers_of(keys: bytes | bytearray) -> Numbers:
    """Return keys that stand one after the other as numbers."""
    big = np.frombuffer(bytes(keys), np.dtype([("hi", ">u8"), ("lo", ">u8")]))
    return big.astype(np.dtype([("hi", "<u8"), ("lo", "<u8")]))


def whole_key(example: Example, key: bytes) -> bytes:
    """Return the key of a row when it makes no difference which of its answers are trained."""
    if not isinstance(example, Chat) or all(turn.trained for turn in example.turns):
        return key
    return key_of(_all_trained(example, example.turns))


def beginnings(example: Example) -> list[bytes]:
    """Return the keys of all shorter conversations this one continues, each ending in an answer."""
    if not isinstance(example, Chat):
        return []
    ends = [n for n, turn in enumerate(example.turns[:-1], 1) if turn.role == "assistant"]
    return [key_of(_all_trained(example, example.turns[:end])) for end in ends]


def _all_trained(example: Chat, turns: Sequence[Turn]) -> Chat:
    return replace(
        example,
        turns=tuple(turn if turn.trained else replace(turn, trained=True) for turn in turns),
    )


def with_answers_of(example: Chat, shorter: Sequence[Chat]) -> Chat:
    """Return a conversation that also trains every answer its shorter forms train."""
    trained = [turn.trained for turn in example.turns]
    for other in shorter:
        for place, turn in enumerate(other.turns):
            trained[place] = trained[place] or (turn.role == "assistant" and turn.trained)
    return replace(
        example,
        turns=tuple(
            replace(turn, trained=flag) for turn, flag in zip(example.turns, trained, strict=True)
        ),
    )


def longest(wholes: Numbers, begins: Sequence[tuple[int, bytes]]) -> I64:
    """Return for each row the longest row that begins with it; -1 where there is none.

    `begins` are (row, key of one of its beginnings).
    """
    result = np.full(len(wholes), -1, np.int64)
    if not begins:
        return result
    rows = np.array([row for row, _ in begins], np.int64)
    keys = numbers_of(b"".join(key for _, key in begins))
    depth = np.bincount(rows, minlength=len(wholes))
    # Of several rows that continue one beginning, the longest stands first, then the earliest.
    order = np.lexsort((rows, -depth[rows], keys["lo"], keys["hi"]))
    rows, keys = rows[order], keys[order]
    places = np.minimum(np.searchsorted(keys["hi"], wholes["hi"]), len(keys) - 1)
    grown = keys[places] == wholes
    result[grown] = rows[places[grown]]
    return result
