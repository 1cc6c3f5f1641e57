"""Prompt cache: reuses the KV states of earlier prompts and answers by their longest prefix.

A lookup finds the longest prefix that a prompt shares with a sequence the same version has read or
generated before. The cache is bounded in bytes; the least recently used sequence goes first.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from daemon.model.backend import mx

# mlx_lm imports mlx by itself: it must come after the back end is set up.
from mlx_lm.models.cache import can_trim_prompt_cache, trim_prompt_cache  # isort: skip

States = list[Any]
"""mlx-lm's caches of one sequence, one for each layer."""

LEAST_TOKENS = 16
"""Shorter prefixes are computed as fast as they are reused."""

MOST = 128
"""Sequences: a prompt is compared with each."""


@dataclass(frozen=True, eq=False)
class _CachedSequence:
    """The KV states of one sequence."""

    model: str
    tokens: np.ndarray[Any, np.dtype[np.int64]]
    states: States
    size: int
    """In bytes."""


class PromptCache:
    """States by version and tokens; used by one thread."""

    def __init__(self, most_bytes: int) -> None:
        """Cache no more than so many bytes; 0 caches nothing."""
        self._most = most_bytes
        self._cached: list[_CachedSequence] = []
        """The least recently used first."""

    @property
    def size_bytes(self) -> int:
        """The size of all states."""
        return sum(cached.size for cached in self._cached)

    def find(self, model: str, prompt: Sequence[int]) -> tuple[States | None, int]:
        """Return the states of a prefix of the prompt and its length in tokens, or (None, 0).

        At least the prompt's last token is left to compute: its logits give the answer's first
        token. The states are the caller's own.
        """
        wanted = np.array(prompt[:-1], dtype=np.int64)
        best, length = None, LEAST_TOKENS - 1
        for cached in self._cached:
            if cached.model != model:
                continue
            shared = _shared(cached.tokens, wanted)
            # States that cannot be trimmed can only be reused whole.
            whole = shared == len(cached.tokens)
            if shared > length and (whole or can_trim_prompt_cache(cached.states)):
                best, length = cached, shared
        if best is None:
            return None, 0
        self._cached.remove(best)
        self._cached.append(best)
        # mlx-lm's own lookup copies in the same way: arrays are shared, counters are not.
        states = copy.deepcopy(best.states)
        if length < len(best.tokens):
            trim_prompt_cache(states, len(best.tokens) - length)
        return states, length

    def keep(self, model: str, tokens: Sequence[int], states: States) -> None:
        """Cache the states of these tokens; sequences that are a prefix of them are dropped."""
        size = sum(state.nbytes for state in states)
        if len(tokens) < LEAST_TOKENS or size > self._most:
            return
        new = _CachedSequence(model, np.array(tokens, dtype=np.int64), states, size)
        # A lazy slice of a batch: evaluated soon, or the whole batch stays in memory.
        mx.async_eval([state.state for state in states])  # type: ignore[no-untyped-call]
        if can_trim_prompt_cache(states):
            self._cached = [cached for cached in self._cached if not _is_prefix_of(cached, new)]
        self._cached.append(new)
        while len(self._cached) > MOST or self.size_bytes > self._most:
            self._cached.pop(0)

    def forget(self, model: str) -> None:
        """Drop the states of a version."""
        self._cached = [cached for cached in self._cached if cached.model != model]

    def clear(self) -> None:
        """Drop everything."""
        self._cached.clear()


def _shared(
    one: np.ndarray[Any, np.dtype[np.int64]], other: np.ndarray[Any, np.dtype[np.int64]]
) -> int:
    """Return the length of the common prefix of two sequences, in tokens."""
    length = min(len(one), len(other))
    differ = np.flatnonzero(one[:length] != other[:length])
    return int(differ[0]) if len(differ) else length


def _is_prefix_of(cached: _CachedSequence, new: _CachedSequence) -> bool:
    return cached.model == new.model and _shared(cached.tokens, new.tokens) == len(cached.tokens)
