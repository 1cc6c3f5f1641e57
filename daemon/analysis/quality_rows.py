"""Measures the quality features of single rows: length, repetition, language, marks of faults."""

from array import array
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from daemon.analysis.quality_language import language_of
from daemon.analysis.quality_text import (
    has_left_over,
    is_broken_off,
    is_hollow,
    is_mojibake,
    is_no_answer,
    is_unfinished,
    markdown_in,
    repeated_share,
)
from daemon.core.rows.examples import Chat, Example, turn_text

BROKEN_OFF, UNFINISHED, HOLLOW, NO_ANSWER, MOJIBAKE, LEFT_OVER = 1, 2, 4, 8, 16, 32
MOST = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Measures:
    """The features of one row."""

    answer_chars: int
    """Length of the last answer, or of plain text."""
    prompt_chars: int
    """Length of all turns before the last answer."""
    marks: int
    """`BROKEN_OFF` and so on, as bits: of any trained answer; the last two, of any turn."""
    repeated: float
    """The largest share of repeated n-grams in an answer, 0 to 1."""
    language: int
    """The language of the last answer, a number of `quality_language`."""
    markdown: int
    """Kinds in the last answer, bits of `quality_text.MARKDOWN`."""


class Columns:
    """The measures of many rows in columns, 15 bytes a row."""

    def __init__(self) -> None:
        self._answer_chars = array("I")
        self._prompt_chars = array("I")
        self._marks = array("B")
        self._repeated = array("B")
        self._language = array("I")
        self._markdown = array("B")

    def __len__(self) -> int:
        return len(self._marks)

    def add(self, measures: Measures) -> None:
        """Append a row."""
        self._answer_chars.append(min(measures.answer_chars, MOST))
        self._prompt_chars.append(min(measures.prompt_chars, MOST))
        self._marks.append(measures.marks)
        self._repeated.append(round(measures.repeated * 255))
        self._language.append(measures.language)
        self._markdown.append(measures.markdown)

    @property
    def answer_chars(self) -> npt.NDArray[np.uint32]:
        """Lengths of the last answers, in rows."""
        return np.array(self._answer_chars, np.uint32)

    @property
    def prompt_chars(self) -> npt.NDArray[np.uint32]:
        """Lengths of the prompts, in rows."""
        return np.array(self._prompt_chars, np.uint32)

    @property
    def marks(self) -> npt.NDArray[np.uint8]:
        """Bits, in rows."""
        return np.array(self._marks, np.uint8)

    @property
    def repeated(self) -> npt.NDArray[np.float32]:
        """Shares of repeats, in rows, to 1/255."""
        return np.array(self._repeated, np.float32) / np.float32(255)

    @property
    def language(self) -> npt.NDArray[np.uint32]:
        """Numbers of languages, in rows."""
        return np.array(self._language, np.uint32)

    @property
    def markdown(self) -> npt.NDArray[np.uint8]:
        """Bits, in rows."""
        return np.array(self._markdown, np.uint8)


def measure(example: Example) -> Measures:
    """Return the measures of a row; never raises, whatever the text."""
    if not isinstance(example, Chat):
        return _measures((example.text,), example.text, "", (example.text,))
    turns = example.turns
    last = turn_text(turns[-1])
    earlier = [turn_text(t) for t in turns[:-1] if t.role == "assistant" and t.trained]
    texts = [turn.content for turn in turns if turn.role in ("user", "assistant")]
    prompt = "\n".join([turn.content for turn in turns[:-1]])
    return _measures((*earlier, last), last, prompt, texts)


def _measures(
    answers: tuple[str, ...], last: str, prompt: str, texts: list[str] | tuple[str, ...]
) -> Measures:
    marks, repeated = 0, 0.0
    for answer in answers:
        marks |= _marks(answer, prompt)
        repeated = max(repeated, repeated_share(answer))
    for text in texts:
        if has_left_over(text):
            marks |= LEFT_OVER
        if is_mojibake(text):
            marks |= MOJIBAKE
    return Measures(len(last), len(prompt), marks, repeated, language_of(last), markdown_in(last))


def _marks(answer: str, prompt: str) -> int:
    if is_no_answer(answer):
        return NO_ANSWER
    marks = HOLLOW if is_hollow(answer, prompt) else 0
    if is_broken_off(answer):
        return marks | BROKEN_OFF
    return marks | UNFINISHED if is_unfinished(answer) else marks
