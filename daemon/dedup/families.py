"""Which rows are variants of one another: the family that hold-outs, exams and tests count by."""

import hashlib

from daemon.core.examples import Chat, Example
from daemon.dedup import wording


def family_of(example: Example, words: wording.Words) -> str:
    """Return what the rows of one family share.

    This is the group, or else the content of the first question, or the plain text.
    """
    if example.group is not None:
        return f"group:{example.group}"
    text = wording.users_words(example)
    if isinstance(example, Chat):
        text = next((turn.content for turn in example.turns if turn.role == "user"), text)
    return wording.content_of(wording.split(text), words) or text.strip()


def label_of(example: Example, words: wording.Words) -> str:
    """Return the family in few characters, whatever the length of the question."""
    family = family_of(example, words).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(family, digest_size=8).hexdigest()
