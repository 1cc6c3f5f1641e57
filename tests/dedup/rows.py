"""Small examples and their keys, for tests."""

from collections.abc import Sequence

from daemon.core.rows.examples import Chat, Example, Turn
from daemon.dedup.judging import Judge
from daemon.dedup.sealing import Sealer, question_of
from daemon.dedup.within import Policy, Within, compare
from daemon.folders.queue.fingerprints import Keys

PROSE = (
    "Insulin resistance means that the cells of the body answer less and less to the hormone",
    "Your muscles and your liver no longer take up sugar as they should when insulin asks them",
)


def asked(question: str, answer: str, group: str | None = None, system: str = "") -> Chat:
    """One question and its answer."""
    turns = (Turn("user", question), Turn("assistant", answer))
    return Chat((Turn("system", system), *turns) if system else turns, group)


def keys_for(examples: Sequence[Example]) -> Keys:
    """Return the keys of rows, numbered from 0, their lines from 1."""
    keys = Sealer().keys([question_of(example) for example in examples])
    keys["row"] = range(len(examples))
    keys["line"] = range(1, len(examples) + 1)
    return keys


def compared(examples: Sequence[Example], policy: Policy = "keep") -> Within:
    """Compare the rows of a file."""
    return compare(keys_for(examples), examples.__getitem__, Judge(Sealer()), policy)
