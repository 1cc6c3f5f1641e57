"""The words of `control/`: which there are, which stay valid over a restart, and answers."""

import difflib
from dataclasses import dataclass
from typing import Literal

Word = Literal[
    "stop",
    "pause",
    "resume",
    "skip",
    "rollback",
    "promote",
    "retry",
    "lineage",
    "checkpoint",
    "evaluate",
]
Answer = Literal["done", "refused", "stale", "too_late", "unknown"]

PRECEDENCE: tuple[Word, ...] = (
    "stop",
    "pause",
    "resume",
    "skip",
    "rollback",
    "promote",
    "retry",
    "lineage",
    "checkpoint",
    "evaluate",
)
"""The order in which commands that one tick sees are carried out; none cancels another."""

STALE_AT_START: frozenset[str] = frozenset(("stop", "skip", "checkpoint", "evaluate"))
"""Requests about the moment: one that lies there at start was meant for another time."""

TAKES_CONTENT: frozenset[str] = frozenset(("rollback", "promote", "retry", "lineage", "skip"))


@dataclass(frozen=True)
class RequestId:
    """What tells one request from all others: the next file may be given the inode of the last."""

    inode: int
    written_ns: int
    """The file's modification time, which no rename changes."""


@dataclass(frozen=True)
class Command:
    """One accepted control file."""

    token: str
    """The name it lies under until it is answered."""
    word: str
    content: str
    created_ns: int
    """Its modification time, to tell a request older than what it is about."""
    inode: int
    from_before: bool
    """It lay there when the daemon started."""

    @property
    def request(self) -> RequestId:
        """What whoever wrote the file knows it by."""
        return RequestId(self.inode, self.created_ns)


def in_order(commands: tuple[Command, ...]) -> tuple[Command, ...]:
    """Return the commands by precedence; equal ones by age."""
    places: dict[str, int] = {word: place for place, word in enumerate(PRECEDENCE)}
    return tuple(
        sorted(commands, key=lambda c: (places.get(c.word, len(places)), c.created_ns, c.token))
    )


def explain_unknown(word: str) -> str:
    """Return the sentence for a control file that is none."""
    near = difflib.get_close_matches(word.lower(), PRECEDENCE, n=1, cutoff=0.5)
    if near:
        return f"unknown: did you mean '{near[0]}'?"
    return f"unknown: control files are {', '.join(sorted(PRECEDENCE))}"
