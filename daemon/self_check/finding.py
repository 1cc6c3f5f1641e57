"""Data types of the self-check: a check, its context, its finding."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

State = Literal["ok", "wrong", "said", "left out"]
"""`said` is a figure or fact that is neither right nor wrong."""


@dataclass(frozen=True)
class CheckResult:
    """The result of a check."""

    state: State
    words: str
    figures: Mapping[str, object] = field(default_factory=dict)
    """The same as numbers, for scripts."""


@dataclass(frozen=True)
class CheckRow:
    """A row of the table."""

    check: str
    state: State
    found: str
    seconds: float
    figures: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class CheckContext:
    """The input of a check."""

    folder: Path
    """An empty folder on this disk, removed afterwards."""
    quick: bool
    base: str | None
    """A base model: a directory or the name of the embedded one; None if there is none."""


@dataclass(frozen=True)
class SelfCheck:
    """One check of the machine."""

    name: str
    run: Callable[[CheckContext], CheckResult]
    quick: bool = True
    """Also part of the quick check."""
    breaking: bool = False
    """Runs out of memory on purpose, so only on request."""


def bounded(words: str, difference: float, most: float) -> CheckResult:
    """Return `ok` where a difference is within its bound; NaN never is."""
    # Written so that NaN fails.
    state: State = "ok" if difference <= most else "wrong"
    sentence = f"{words}: {difference:.1e} apart, at most {most:.0e}"
    return CheckResult(state, sentence, {"difference": difference, "most": most})


def together(parts: Mapping[str, CheckResult]) -> CheckResult:
    """Combine several findings into one, wrong ones first.

    If a part was left out, the whole does not pass.
    """
    states = {part.state for part in parts.values()}
    order: tuple[State, ...] = ("wrong", "left out", "said", "ok")
    state = next(one for one in order if one in states)
    ranked = sorted(parts.items(), key=lambda item: item[1].state != "wrong")
    words = "; ".join(f"{name}: {part.words}" for name, part in ranked)
    return CheckResult(state, words, {name: dict(part.figures) for name, part in parts.items()})
