"""What a question is: all that is read before the answer, and the turn of the user it ends in.

Everything before that turn - system text, tools, context, earlier turns - must be equal and is one
number here; likeness is a matter of the turn alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from rapidfuzz import fuzz

from daemon.core.rows.examples import Chat, Example, Turn, turn_text
from daemon.dedup import wording
from daemon.dedup.answers import NEAR
from daemon.dedup.courtesy import bare
from daemon.dedup.likeness import Likeness
from daemon.dedup.meaning import articles_agree, as_a_clause, folded, slipped, words_of
from daemon.dedup.numbers import hash64

REMEMBERED = 4096
"""Characters of the longest context whose number is remembered."""


@dataclass(frozen=True, slots=True)
class QuestionParts:
    """The parts of an example that are compared, as texts."""

    before: tuple[str, ...]
    """All that is read beside the user's last turn: system text, tools, earlier turns, results."""
    turn: str
    answer: str
    """What the model says after that turn, its calls as JSON."""


def parts_of(example: Example) -> QuestionParts:
    """Return the parts of an example; plain text is all question."""
    if not isinstance(example, Chat):
        return QuestionParts((), example.text, "")
    turns = example.turns
    if _is_common(example):
        # Most rows: a question and an answer, with a system text or without one.
        context: tuple[str, ...] = ("system", turn_text(turns[0])) if len(turns) == 3 else ()
        return QuestionParts(context, turns[-2].content, turn_text(turns[-1]))
    last = max((n for n, turn in enumerate(turns) if turn.role == "user"), default=-1)
    said = [turn for turn in turns[last + 1 :] if turn.role == "assistant"]
    before = [*_read(turns[:last] if last >= 0 else ()), *example.tools]
    # What a tool returned is read before the answer to it; what is said untrained is not learned.
    before += _read(turn for turn in turns[last + 1 :] if turn.role != "assistant")
    before += ["untrained" for turn in said if not turn.trained]
    return QuestionParts(
        tuple(before), turns[last].content if last >= 0 else "", "\n".join(map(turn_text, said))
    )


def _is_common(example: Chat) -> bool:
    turns = example.turns
    if len(turns) not in (2, 3) or example.tools or turns[-2].role != "user":
        return False
    if turns[-1].role != "assistant" or not turns[-1].trained:
        return False
    first = turns[0]
    return len(turns) == 2 or (
        first.role == "system" and first.trained and bool(first.content.strip())
    )


def _read(turns: "tuple[Turn, ...] | Iterator[Turn]") -> Iterator[str]:
    for turn in turns:
        if turn.role == "system" and not turn.content.strip():
            continue
        yield turn.role if turn.trained else f"untrained {turn.role}"
        yield turn_text(turn)


def context_of(parts: QuestionParts) -> int:
    """Return a number that equal contexts share, blanks aside; 0 for none."""
    if not parts.before:
        return 0
    text = "\x1e".join(parts.before)
    return _context(text) if len(text) <= REMEMBERED else _context.__wrapped__(text)


@lru_cache(maxsize=1024)
def _context(text: str) -> int:
    """Return the number of a context; many rows of a file have the same."""
    return hash64("\x1e".join(" ".join(part.split()) for part in text.split("\x1e")))


class ComparedQuestion:
    """One question as it is compared with others."""

    def __init__(self, context: int, turn: str) -> None:
        self.context = context
        self._turn = wording.plain(turn)
        self.normal = folded(" ".join(self._turn.split()))
        """The turn, case and blanks aside."""

    @cached_property
    def _bare(self) -> "tuple[str, str, bool]":
        found = bare(self._turn)
        return found.text, found.name, found.indirect

    @property
    def text(self) -> str:
        """The turn without courtesy."""
        return self._bare[0]

    @property
    def name(self) -> str:
        """Whoever it was put to by name."""
        return self._bare[1]

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The words that carry its meaning."""
        return words_of(self.text)

    def equals(self, other: "ComparedQuestion") -> bool:
        """Return whether the whole question is equal, case and blanks aside."""
        return self.context == other.context and self.normal == other.normal

    def likeness(self, other: "ComparedQuestion", near: float = NEAR) -> Likeness | None:
        """Return how near two questions are that are one; None if they are two."""
        if self.context != other.context:
            return None
        if self.normal == other.normal:
            return "wording"
        # The ratio costs least of what follows; only a clause may be far from its question.
        is_near = self._is_near(other, near)
        if not is_near and not self._bare[2] and not other._bare[2]:
            return None
        if not self.words or not other.words or not self._named_alike(other):
            return None
        if self.words == other.words:
            return "wording" if is_near else None
        if self._says(other) or other._says(self):
            return "wording"
        return "spelling" if is_near and slipped(self.words, other.words) else None

    def _says(self, other: "ComparedQuestion") -> bool:
        """Return whether this is the other question in the order of a clause."""
        return self._bare[2] and as_a_clause(other.words, self.words)

    def _is_near(self, other: "ComparedQuestion", near: float) -> bool:
        one, two = (" ".join(text.split()).casefold() for text in (self.text, other.text))
        return fuzz.ratio(one, two, score_cutoff=near) > 0 and articles_agree(one, two)

    def _named_alike(self, other: "ComparedQuestion") -> bool:
        return not (self.name and other.name) or self.name == other.name


def compared_question(example: Example) -> ComparedQuestion:
    """Return the question of an example."""
    parts = parts_of(example)
    return ComparedQuestion(context_of(parts), parts.turn)
