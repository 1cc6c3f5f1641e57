"""Names the family of an example: the variants that hold-outs, exams and tests count as one."""

import hashlib

from daemon.core.rows.examples import Example, first_question
from daemon.core.rows.fingerprint import key_of
from daemon.dedup import wording


def question_text(text: str, words: wording.Words) -> str:
    """Return what two wordings of one question have in common."""
    return wording.content_of(wording.split(text), words) or text.strip()


def family_of(example: Example, words: wording.Words) -> str:
    """Return what names a family: the group, the original's question, or the first question.

    A row of a question that is too frequent in its file is a family by itself.
    """
    if example.group is not None:
        return f"group:{example.group}"
    if example.by_row:
        return f"row:{key_of(example).hex()}"
    return question_text(example.variant_of or first_question(example), words)


def label_of(example: Example, words: wording.Words) -> str:
    """Return the family in few characters, whatever the length of the question."""
    family = family_of(example, words).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(family, digest_size=8).hexdigest()
