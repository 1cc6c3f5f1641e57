"""Names the family of an example: the variants that an exam and training must not share."""

from daemon.core.examples import Example, first_question
from daemon.dedup import wording


def question_text(text: str, words: wording.Words) -> str:
    """Return what two wordings of one question have in common."""
    return wording.content_of(wording.split(text), words) or text.strip()


def family_of(example: Example, words: wording.Words) -> str:
    """Return what names a family: the group, the original's question, or the first question."""
    if example.group is not None:
        return f"group:{example.group}"
    return question_text(example.variant_of or first_question(example), words)
