"""Keeps the attention states of what was answered, so that a conversation's next turn begins there.

States are found by the longest beginning that a prompt shares with what one version has read or
said before. They are bounded in bytes, and those used longest ago go first. Knows no requests.
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
"""Shorter beginnings are computed as fast as they are taken over."""

MOST = 128
"""Sequences: a prompt is compared with each."""


@dataclass(frozen=True, eq=False)
class _Kept:
    """The states of one sequence."""

    model: str
    tokens: np.ndarray[Any, np.dtype[np.int64]]
    states: States
    size: int
    """In bytes."""


class PromptCache:
    """States by version and tokens; used by one thread."""

    def __init__(self, most_bytes: int) -> None:
        """Keep no more than so many bytes; 0 keeps nothing."""
        self._most = most_bytes
        self._kept: list[_Kept] = []
        """Those used longest ago first."""

    @property
    def size_bytes(self) -> int:
        """What all states take."""
        return sum(kept.size for kept in self._kept)

    def find(self, model: str, prompt: Sequence[int]) -> tuple[States | None, int]:
        """Return states of the prompt's beginning and its length in tokens; (None, 0) without.

        At least the prompt's last token is left to be computed: the answer's first word comes of
        it. The states are the caller's own.
        """
        asked = np.array(prompt[:-1], dtype=np.int64)
        best, known = None, LEAST_TOKENS - 1
        for kept in self._kept:
            if kept.model != model:
                continue
            shared = _shared(kept.tokens, asked)
            # States that cannot go back are of use as a whole only.
            whole = shared == len(kept.tokens)
            if shared > known and (whole or can_trim_prompt_cache(kept.states)):
                best, known = kept, shared
        if best is None:
            return None, 0
        self._kept.remove(best)
        self._kept.append(best)
        # mlx-lm's own lookup copies in the same way: arrays are shared, counters are not.
        states = copy.deepcopy(best.states)
        if known < len(best.tokens):
            trim_prompt_cache(states, len(best.tokens) - known)
        return states, known

    def keep(self, model: str, tokens: Sequence[int], states: States) -> None:
        """Keep the states of these tokens; what is a beginning of them is not needed any more."""
        size = sum(state.nbytes for state in states)
        if len(tokens) < LEAST_TOKENS or size > self._most:
            return
        new = _Kept(model, np.array(tokens, dtype=np.int64), states, size)
        # Cut out of a batch, and computed when first looked at: soon, or the whole batch stays.
        mx.async_eval([state.state for state in states])  # type: ignore[no-untyped-call]
        if can_trim_prompt_cache(states):
            self._kept = [kept for kept in self._kept if not _is_beginning(kept, new)]
        self._kept.append(new)
        while len(self._kept) > MOST or self.size_bytes > self._most:
            self._kept.pop(0)

    def forget(self, model: str) -> None:
        """Let the states of a version go."""
        self._kept = [kept for kept in self._kept if kept.model != model]

    def clear(self) -> None:
        """Let everything go."""
        self._kept.clear()


def _shared(
    one: np.ndarray[Any, np.dtype[np.int64]], other: np.ndarray[Any, np.dtype[np.int64]]
) -> int:
    """Return how many tokens two sequences begin with in common."""
    length = min(len(one), len(other))
    differ = np.flatnonzero(one[:length] != other[:length])
    return int(differ[0]) if len(differ) else length


def _is_beginning(kept: _Kept, new: _Kept) -> bool:
    return kept.model == new.model and _shared(kept.tokens, new.tokens) == len(kept.tokens)
