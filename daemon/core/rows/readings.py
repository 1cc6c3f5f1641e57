"""How a row was read: which keys were used, ignored as metadata, or not read, with notes."""

from dataclasses import dataclass
from typing import Literal

Note = Literal[
    "last_question_cut",
    "reasoning_left_out",
    "first_answer",
    "choice_places",
    "answer_object",
    "other_branches",
    "chosen_side",
    "other_solution",
    "transcript",
]

NOTES: dict[Note, str] = {
    "last_question_cut": (
        "{rows} ended with an unanswered turn: it was cut off, the rest is trained"
    ),
    "reasoning_left_out": (
        "the reasoning of {rows} was left out, as intake.reasoning says; with 'keep' it is trained"
    ),
    "first_answer": "{rows} had several accepted answers: the first is trained, the others are not",
    "choice_places": (
        "{rows} gave the right choice as a number: it was counted from 0, and became its letter"
    ),
    "answer_object": "{rows} had an object as the answer: it became its JSON text",
    "other_branches": (
        "{rows} had regenerated answers: the branch shown last was read, the others were not"
    ),
    "chosen_side": (
        "{rows} of preference data were read by their chosen side, as intake.preferences says"
    ),
    "other_solution": (
        "{rows} had a worked solution and a final answer that is not in it: the solution was read"
    ),
    "transcript": (
        "{rows} are a conversation written as one text: all of it is trained, the questions too; "
        'as {{"messages": [...]}} only the answers would be'
    ),
}
"""Sentences on rows in which something was read in a special way."""


@dataclass(frozen=True)
class Reading:
    """What became of the keys of one row."""

    taken: str
    """The keys that were read, as `context + question -> answer`."""
    metadata: tuple[str, ...] = ()
    """Keys of metadata, with nothing to train."""
    unread: tuple[str, ...] = ()
    """Keys with content that was not read."""
    notes: tuple[Note, ...] = ()


NOTHING = Reading("")


def note_sentence(note: str, count: int) -> str:
    """Return the sentence of a note for a number of rows."""
    rows = "1 row" if count == 1 else f"{count:,} rows"
    return NOTES[note].format(rows=rows) if note in NOTES else f"{note}: {rows}"


def unread_sentence(key: str, count: int, place: str, example: str) -> str:
    """Return the sentence on a key that was not read, with an example and what to do."""
    rows = "1 row" if count == 1 else f"{count:,} rows"
    return (
        f"`{key}` of {rows} is not read ({place}: {example}). If it should be trained, "
        f'say what it is, as in fields = {{ context = "{key}" }}, '
        f"or finetuned submit FILE --fields context={key}"
    )
