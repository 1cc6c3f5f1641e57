"""Finds text that most questions of a file share, so that it is set aside when they are compared.

A window of words that more than the given share of a sample
of the questions contains is boilerplate, wherever it stands.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

WINDOW = 4
"""Words of a window; less than this in common is no boilerplate."""

LEAST_QUESTIONS = 50
"""In fewer questions a shared phrase may be a coincidence."""

SAMPLE = 2000
"""Questions looked at, evenly over the file."""

_STEP = np.uint64(0x9E3779B97F4A7C15)

U64 = npt.NDArray[np.uint64]


class Boilerplate:
    """The shared text of one file."""

    def __init__(self, windows: U64, examples: tuple[str, ...] = ()) -> None:
        self._windows = windows
        self.examples = examples
        """The longest shared passages, for people."""

    @classmethod
    def find(cls, questions: Sequence[Sequence[str]], share: float) -> "Boilerplate":
        """Find what more than `share` of the questions have in common; each a list of words."""
        if len(questions) < LEAST_QUESTIONS or share >= 1.0:
            return cls(np.zeros(0, np.uint64))
        step = max(1, len(questions) // SAMPLE)
        sample = questions[::step]
        hashed = [np.unique(windows_of(words)) for words in sample]
        found, counts = np.unique(np.concatenate(hashed), return_counts=True)
        common = found[counts > share * len(sample)]
        return cls(common, _passages(sample, common))

    def __bool__(self) -> bool:
        return len(self._windows) > 0

    def without(self, words: list[str]) -> list[str]:
        """Return the words of a question that are its own."""
        if not len(self._windows) or len(words) < WINDOW:
            return words
        shared = _covered(windows_of(words), self._windows, len(words))
        if not shared.any():
            return words
        return [
            word for word, is_shared in zip(words, shared.tolist(), strict=True) if not is_shared
        ]


NOTHING_SHARED = Boilerplate(np.zeros(0, np.uint64))


def windows_of(words: Sequence[str]) -> U64:
    """Return the hashes of all runs of WINDOW words, shape (max(0, n - WINDOW + 1),)."""
    count = len(words) - WINDOW + 1
    if count <= 0:
        return np.zeros(0, np.uint64)
    # Python's own hash of a text differs from process to process; windows never leave one.
    ids = np.fromiter(map(hash, words), np.int64, len(words)).view(np.uint64)
    hashes = ids[:count].copy()
    for place in range(1, WINDOW):
        hashes *= _STEP
        hashes += ids[place : place + count]
    return hashes


def _covered(hashes: U64, common: U64, length: int) -> npt.NDArray[np.bool_]:
    hits = np.flatnonzero(np.isin(hashes, common))
    shared = np.zeros(length, np.bool_)
    shared[(hits[:, None] + np.arange(WINDOW)).ravel()] = True
    return shared


def _passages(sample: Sequence[Sequence[str]], common: U64) -> tuple[str, ...]:
    """Return up to three different shared passages, the longest first."""
    found: set[str] = set()
    for words in sample[:50]:
        shared = _covered(windows_of(words), common, len(words))
        edges = np.flatnonzero(np.diff(np.concatenate([[0], shared.astype(np.int8), [0]])))
        found |= {" ".join(words[a:b]) for a, b in zip(edges[::2], edges[1::2], strict=True)}
    return tuple(sorted(found, key=len, reverse=True)[:3])
