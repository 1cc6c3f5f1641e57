"""The commands of `control/`: their names, their precedence, which survive a restart, answers."""

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
"""The order in which the commands of one tick are carried out; none cancels another."""

STALE_AT_START: frozenset[str] = frozenset(("stop", "skip", "checkpoint", "evaluate"))
"""Commands about the present moment: one found at startup was meant for an earlier one."""

TAKES_CONTENT: frozenset[str] = frozenset(("rollback", "promote", "retry", "lineage", "skip"))


@dataclass(frozen=True)
class RequestId:
    """Identifies one request; an inode alone is not enough, for the next file may reuse it."""

    inode: int
    written_ns: int
    """The file's modification time, which a rename does not change."""


@dataclass(frozen=True)
class Command:
    """One accepted control file."""

    token: str
    """The file's name until it is answered."""
    word: str
    content: str
    created_ns: int
    """Its modification time, to recognise a request that is older than what it would affect."""
    inode: int
    from_before: bool
    """It was there when the daemon started."""

    @property
    def request(self) -> RequestId:
        """The identity by which the writer of the file finds its answer."""
        return RequestId(self.inode, self.created_ns)


def in_order(commands: tuple[Command, ...]) -> tuple[Command, ...]:
    """Return the commands by precedence, then by age."""
    places: dict[str, int] = {word: place for place, word in enumerate(PRECEDENCE)}
    return tuple(
        sorted(commands, key=lambda c: (places.get(c.word, len(places)), c.created_ns, c.token))
    )


def explain_unknown(word: str) -> str:
    """Return the answer to a file that is not a known command."""
    near = difflib.get_close_matches(word.lower(), PRECEDENCE, n=1, cutoff=0.5)
    if near:
        return f"unknown: did you mean '{near[0]}'?"
    return f"unknown: control files are {', '.join(sorted(PRECEDENCE))}"
