"""How a row was read: which of its keys were used, which say nothing, and which were not read."""

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
]

NOTES: dict[Note, str] = {
    "last_question_cut": (
        "{rows} ended with a turn that nobody answers: it was cut off, the rest is kept"
    ),
    "reasoning_left_out": (
        "the reasoning of {rows} was left out, as intake.reasoning says; with 'keep' it is learned"
    ),
    "first_answer": "{rows} had several accepted answers: the first is kept, the others are not",
    "choice_places": (
        "{rows} gave the right choice by its place: it was counted from 0, and became its letter"
    ),
    "answer_object": "{rows} had an object as the answer: it became its JSON text",
    "other_branches": (
        "{rows} held answers that were asked for again: the branch shown last was read, "
        "the others were not"
    ),
    "chosen_side": (
        "{rows} of preference data were read by their chosen side, as intake.preferences says"
    ),
    "other_solution": (
        "{rows} had a worked solution and a final answer that is not in it: the solution was read"
    ),
}
"""What is to be said of the rows of a file of which something was read in a special way."""


@dataclass(frozen=True)
class Reading:
    """What was made of the keys of one row."""

    taken: str
    """The keys that were read, as `context + question -> answer`."""
    metadata: tuple[str, ...] = ()
    """Keys that say nothing that could be learned."""
    unread: tuple[str, ...] = ()
    """Keys with content that was not read."""
    notes: tuple[Note, ...] = ()


NOTHING = Reading("")


def note_sentence(note: str, count: int) -> str:
    """Return what is to be said of so many rows."""
    rows = "1 row" if count == 1 else f"{count:,} rows"
    return NOTES[note].format(rows=rows) if note in NOTES else f"{note}: {rows}"


def unread_sentence(key: str, count: int, place: str, example: str) -> str:
    """Return that a key was not read, with one example and what to do."""
    rows = "1 row" if count == 1 else f"{count:,} rows"
    return (
        f"`{key}` of {rows} is not read ({place}: {example}). If it belongs to what is learned, "
        f'name what it is, as in fields = {{ context = "{key}" }}, '
        f"or finetuned submit FILE --fields context={key}"
    )
