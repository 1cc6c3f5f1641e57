"""What one check of the self-check found, and the place it may use; values."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

State = Literal["ok", "wrong", "said", "left out"]
"""`said` is a figure or fact that nobody can call right or wrong here."""


@dataclass(frozen=True)
class CheckResult:
    """What a check came to."""

    state: State
    words: str
    figures: Mapping[str, Any] = field(default_factory=dict)
    """The same as numbers, for programs."""


@dataclass(frozen=True)
class CheckRow:
    """A row of the table."""

    check: str
    state: State
    found: str
    seconds: float
    figures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CheckContext:
    """What a check is given."""

    folder: Path
    """Empty, on this disk, removed afterwards."""
    quick: bool
    base: str | None
    """A base model as a directory, or by the name of the embedded one; None where there is none."""


@dataclass(frozen=True)
class SelfCheck:
    """One look at the machine."""

    name: str
    look: Callable[[CheckContext], CheckResult]
    quick: bool = True
    """Also part of the quick check."""
    breaking: bool = False
    """Runs out of memory on purpose, so only where that is asked for."""


def bounded(words: str, difference: float, most: float) -> CheckResult:
    """Return `ok` where a difference is within its bound; not a number is within none."""
    # Not a number is within no bound.
    state: State = "ok" if difference <= most else "wrong"
    sentence = f"{words}: {difference:.1e} apart, at most {most:.0e}"
    return CheckResult(state, sentence, {"difference": difference, "most": most})


def together(parts: Mapping[str, CheckResult]) -> CheckResult:
    """Return one finding for several: the wrong ones are named first.

    Where a part was left out, the whole has not passed.
    """
    states = {part.state for part in parts.values()}
    order: tuple[State, ...] = ("wrong", "left out", "said", "ok")
    state = next(one for one in order if one in states)
    ranked = sorted(parts.items(), key=lambda item: item[1].state != "wrong")
    words = "; ".join(f"{name}: {part.words}" for name, part in ranked)
    return CheckResult(state, words, {name: dict(part.figures) for name, part in parts.items()})
