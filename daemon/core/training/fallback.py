"""The rungs a run goes down when memory runs out or its loss jumps; knows numbers, no machine.

The effective batch is the same on every rung: the same rows make up a step, in more passes. Only
the last kind of rung changes what is learned, which is why it is the last.
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
    """How a run's steps are computed, from one of its commits on."""

    at: Annotated[int, msgspec.Meta(ge=0)]
    """The commit from which it holds, as steps in the run; 0 for the beginning."""
    pass_tokens: Annotated[int, msgspec.Meta(gt=0)]
    """Most tokens computed at once; a single longer row still is one pass."""
    checkpoint: bool = False
    """Gradient checkpointing is on."""
    max_row_tokens: int | None = None
    """Longest row that is computed; None for all of them."""
    rate_share: float = 1.0
    """Factor of the learning rate; halved where the loss has jumped."""
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Fallbacks(Record):
    """The content of a run's `ladder.json`: its rungs, in the order in which they were appended."""

    rungs: tuple[Fallback, ...] = ()


def fallback_at(rungs: Sequence[Fallback], step_in_run: int) -> Fallback | None:
    """Return how steps are computed after so many; None before the first rung.

    It only goes down: of all rungs up to there the least memory and the least rate hold, each by
    itself. So a rung noted behind a commit the run went back to takes nothing back afterwards.
    """
    holding = [rung for rung in rungs if rung.at <= step_in_run]
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


def next_change(rungs: Sequence[Fallback], step_in_run: int) -> int | None:
    """Return the next commit from which on steps are computed in another way; None for none."""
    now = _way(rungs, step_in_run)
    later = sorted({rung.at for rung in rungs if rung.at > step_in_run})
    return next((at for at in later if _way(rungs, at) != now), None)


def _way(rungs: Sequence[Fallback], step_in_run: int) -> Fallback | None:
    """Return how steps are computed after so many, whenever that was noted and why."""
    found = fallback_at(rungs, step_in_run)
    return None if found is None else replace(found, at=0, why="")


def next_fallback(current: Fallback, longest: int, at: int, why: str) -> Fallback | None:
    """Return the next rung after memory ran out on `current`; None when there is none.

    `longest` is the longest row of the run, in tokens; `at` the commit the run goes on from.
    """
    longest = longest if current.max_row_tokens is None else min(longest, current.max_row_tokens)
    least = max(LEAST_PASS_TOKENS, longest)
    if current.pass_tokens > least:
        # A pass is never less than its longest row, so there is nothing between the two.
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
    """Return the rung with half the learning rate; None where it has been halved often enough."""
    share = current.rate_share / 2
    if share < 0.5**RATE_HALVINGS:
        return None
    return replace(current, at=at, rate_share=share, why=why)


def describe(rung: Fallback) -> str:
    """Say a rung to people."""
    parts = [f"at most {rung.pass_tokens:,} tokens at once"]
    if rung.checkpoint:
        parts.append("gradient checkpointing")
    if rung.max_row_tokens is not None:
        parts.append(f"rows of at most {rung.max_row_tokens:,} tokens")
    return ", ".join(parts)


def out_of_rungs(current: Fallback) -> str:
    """Say that the ladder has ended, and what can be done."""
    return (
        f"memory ran out with {describe(current)}, which is the least this run can be made to "
        "take: choose fewer training.num_layers, a smaller or 4-bit model, or free memory, then "
        "'finetuned retrain'"
    )
