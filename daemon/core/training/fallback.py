"""Fallbacks when memory runs out or the loss jumps: smaller passes, shorter rows, half the rate.

The effective batch stays the same: the same rows make up a step, in more passes. Only skipping long
rows changes what is learned, which is why it comes last.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Annotated

import msgspec

from daemon.core.records import Record

LEAST_PASS_TOKENS = 128
LEAST_ROW_TOKENS = 128
ROW_MULTIPLE = 64


@dataclass(frozen=True)
class Fallback:
    """How a run's steps are computed from a checkpoint on."""

    at: Annotated[int, msgspec.Meta(ge=0)]
    """The checkpoint from which it holds, as steps in the run; 0 for the beginning."""
    pass_tokens: Annotated[int, msgspec.Meta(gt=0)]
    """Most tokens computed at once; a single longer row is still one pass."""
    checkpoint: bool = False
    """Gradient checkpointing is on."""
    max_row_tokens: int | None = None
    """Rows longer than this are skipped; None skips none."""
    rate_share: float = 1.0
    """Factor of the learning rate; halved where the loss has jumped."""
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Fallbacks(Record):
    """The content of a run's `ladder.json`: its fallbacks, in the order they were appended."""

    rungs: tuple[Fallback, ...] = ()
    """The key of the file, from when they were called so."""


def fallback_at(fallbacks: Sequence[Fallback], step_in_run: int) -> Fallback | None:
    """Return how the step after `step_in_run` is computed; None before the first fallback.

    Fallbacks only ever tighten: of all up to there the least memory and the lowest rate hold, each
    by itself. So a later one, appended before the run went back, never loosens them again.
    """
    holding = [fallback for fallback in fallbacks if fallback.at <= step_in_run]
    return reduce(_least, holding) if holding else None


def _least(known: Fallback, noted: Fallback) -> Fallback:
    lengths = [most for most in (known.max_row_tokens, noted.max_row_tokens) if most is not None]
    return Fallback(
        at=max(known.at, noted.at),
        pass_tokens=min(known.pass_tokens, noted.pass_tokens),
        checkpoint=known.checkpoint or noted.checkpoint,
        max_row_tokens=min(lengths, default=None),
        rate_share=min(known.rate_share, noted.rate_share),
        why=noted.why,
    )


def next_change(fallbacks: Sequence[Fallback], step_in_run: int) -> int | None:
    """Return the next checkpoint from which steps are computed differently; None for none."""
    now = _way(fallbacks, step_in_run)
    later = sorted({fallback.at for fallback in fallbacks if fallback.at > step_in_run})
    return next((at for at in later if _way(fallbacks, at) != now), None)


def _way(fallbacks: Sequence[Fallback], step_in_run: int) -> Fallback | None:
    """Return what holds after so many steps, without when and why it was appended."""
    found = fallback_at(fallbacks, step_in_run)
    return None if found is None else replace(found, at=0, why="")


def next_fallback(current: Fallback, longest: int, at: int, why: str) -> Fallback | None:
    """Return the next fallback after memory ran out with `current`; None when there is none.

    `longest` is the longest row of the run, in tokens; `at` the checkpoint the run resumes from.
    """
    longest = longest if current.max_row_tokens is None else min(longest, current.max_row_tokens)
    least = max(LEAST_PASS_TOKENS, longest)
    if current.pass_tokens > least:
        # A pass is never smaller than its longest row, so nothing smaller is worth a try.
        return replace(current, at=at, pass_tokens=max(least, current.pass_tokens // 2), why=why)
    if not current.checkpoint:
        return replace(current, at=at, checkpoint=True, why=why)
    shorter = -(-(longest // 2) // ROW_MULTIPLE) * ROW_MULTIPLE
    if shorter < LEAST_ROW_TOKENS or shorter >= longest:
        return None
    tokens = min(current.pass_tokens, shorter)
    return replace(current, at=at, pass_tokens=tokens, max_row_tokens=shorter, why=why)


RATE_HALVINGS = 3


def slow_down(current: Fallback, at: int, why: str) -> Fallback | None:
    """Return the fallback with half the learning rate; None if it was halved often enough."""
    share = current.rate_share / 2
    if share < 0.5**RATE_HALVINGS:
        return None
    return replace(current, at=at, rate_share=share, why=why)


def describe(fallback: Fallback) -> str:
    """Describe a fallback for people."""
    parts = [f"at most {fallback.pass_tokens:,} tokens at once"]
    if fallback.checkpoint:
        parts.append("gradient checkpointing")
    if fallback.max_row_tokens is not None:
        parts.append(f"rows of at most {fallback.max_row_tokens:,} tokens")
    return ", ".join(parts)


def no_fallback_left(current: Fallback) -> str:
    """Return why there is no further fallback, and what the user can do."""
    return (
        f"memory ran out with {describe(current)}, and this run cannot be made to take "
        "less: choose fewer training.num_layers, a smaller or 4-bit model, or free memory, then "
        "'finetuned retrain'"
    )
