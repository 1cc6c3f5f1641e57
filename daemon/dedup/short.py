"""Finds short questions again: by their words, courtesy, spacing and the order of choices aside.

Signatures of letters and a ratio of characters say little about a question of a few words: "please"
is a quarter of one. Here every word counts. Made for exams, which rather refuse a row too many; it
proposes nothing that differs in more than one slip of spelling.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from daemon.dedup.likeness import Likeness
from daemon.dedup.meaning import is_slip
from daemon.dedup.wording import HARD, BareWords, Words, content_of, every_word, plain

MOST_WORDS = 24
"""Content words of a short question; of longer ones the signatures tell enough."""
MOST_CHARACTERS = 12 * MOST_WORDS
"""Of the content of a short question: a bound that costs nothing to look at."""
LEAST_WORDS = 2
"""With fewer content words all words count."""
FOREIGN_WORDS = 2
"""Words that no known question has: a slip of spelling, or a word that was written apart."""
CHOICES = 3
"""A question and two choices; with fewer parts nothing can change its place."""

_OPENINGS = (
    r"please|kindly|hi|hello|hey|hi there|hello there|dear assistant|ok|okay|sorry|excuse me"
    r"|good (?:morning|afternoon|evening|day)"
    r"|(?:can|could|would|will) (?:you|u)(?: be so kind as to| please| kindly)?"
    r"(?: help me)?(?: to)?"
    r"|(?:please )?(?:tell|answer|remind|let) me(?: know)?(?: please)?"
    r"|(?:i )?(?:would|'d|d) like to know|i'd like to know|i want to know|i need to know"
    r"|i (?:was wondering|wonder)|do you know|may i ask|can i ask(?: you)?"
    r"|(?:here is )?(?:a |one |my )?(?:quick |short |simple |next )?question(?: for you)?"
)
_CLOSINGS = (
    r"please|kindly|thanks|thank you|thx|cheers|thanks in advance|thank you in advance"
    r"|(?:thanks|thank you) (?:very|so) much|many thanks|for me|if you (?:can|please|know)"
)
_OPENING = re.compile(rf"\s*(?:{_OPENINGS})(?![\w'])(?:[\s,.:;!?]|-(?!\d))*", re.I)
_CLOSING = re.compile(rf"[\s,.:;!?-]+(?:{_CLOSINGS})[\s,.:;!?-]*\Z", re.IGNORECASE)
_OPERATOR = re.compile(r"(?<=\d)\s*([-+*/\u00d7\u00f7\u2212=^])\s*(?=\d)")
_MINUS = str.maketrans("\u2212\u00d7\u00f7", "-*/")
_CHOICE = re.compile(
    r"\s+or\s+|[;?!\n|]+|:(?!\d)"
    r"|,\s*(?:or\s+)?(?=[^\W\d])"  # a list of numbers keeps its order
    r"|(?<=[^\W\d]) ?/ ?(?=[^\W\d])"
)
_LABEL = re.compile(r"(?:(?<=\s)|(?<=^))(?:\([A-Ha-h1-9]\)|[A-Ha-h1-9][).])\s+")


@dataclass(frozen=True, slots=True)
class _Form:
    """One question as it is compared."""

    words: tuple[str, ...]
    keys: tuple[str, ...]
    """Equal in any of them: the same question."""


class ShortQuestions:
    """Short questions by the place that the caller knows them by."""

    def __init__(self) -> None:
        self._words = Words()
        self._bare_words = BareWords()
        self._known: set[str] = set()
        self._keys: defaultdict[str, list[int]] = defaultdict(list)
        self._holes: defaultdict[tuple[str, ...], list[tuple[int, str]]] = defaultdict(list)

    def add(self, place: int, text: str) -> None:
        """Add a question; a longer one is left out."""
        form = self._form(_bare(plain(text)))
        if form is None:
            return
        self._known |= set(form.words)
        for key in form.keys:
            self._keys[key].append(place)
        for hole, word in _holes(form.words):
            self._holes[hole].append((place, word))

    def find(self, text: str) -> list[tuple[int, Likeness]]:
        """Return the places of questions that are the same one, those of equal wording first."""
        text = plain(text)
        if not self._keys or len(text) > 2 * MOST_CHARACTERS:
            return []
        bare = _bare(text)
        form = self._form(bare) if self._may_be_known(bare) else None
        if form is None:
            return []
        found: dict[int, Likeness] = {}
        for key in form.keys:
            for place in self._keys.get(key, ()):
                found.setdefault(place, "wording")
        slips = len(set(form.words) - self._known) <= 1
        for hole, word in _holes(form.words) if slips else ():
            for place, other in self._holes.get(hole, ()):
                if is_slip(word, other):
                    found.setdefault(place, "spelling")
        return list(found.items())

    def _may_be_known(self, bare: str) -> bool:
        """Return whether most words are those of known questions: the rest is not looked at."""
        mine = _content(bare, self._words)
        return len(set(mine) - self._known) <= FOREIGN_WORDS

    def _form(self, bare: str) -> _Form | None:
        bare = _OPERATOR.sub(r" \1 ", bare).translate(_MINUS)
        words = tuple(_content(bare, self._words))
        if not 0 < len(words) <= MOST_WORDS:
            return None
        parts = [part for part in _CHOICE.split(_LABEL.sub(" ; ", bare)) if part.strip()]
        # "Livingroom" is written together: only with its inflection it is "living" and "room".
        keys = [_joined(words), _joined(self._bare_words.of(bare))]
        if len(parts) >= CHOICES:
            contents = (content_of(part.split(), self._words).split() for part in parts)
            keys.append("|".join(sorted(filter(None, map(_joined, contents)))))
        return _Form(words, tuple(dict.fromkeys(filter(None, keys))))


def _bare(text: str) -> str:
    """Return a question without the courtesy around it; what is nothing else stays as it is."""
    rest = text
    while (match := _OPENING.match(rest)) is not None and len(rest[match.end() :].split()) > 1:
        rest = rest[match.end() :]
    while (match := _CLOSING.search(rest)) is not None and len(rest[: match.start()].split()) > 1:
        rest = rest[: match.start()]
    return rest


def _content(text: str, words: Words) -> list[str]:
    pieces = text.split()
    content = content_of(pieces, words).split()
    return content if len(content) >= LEAST_WORDS else every_word(" ".join(pieces))


def _joined(words: Iterable[str]) -> str:
    """Return words without the blanks between those of letters: "living room" is "livingroom"."""
    text = ""
    for word in words:
        apart = text and not (text[-1].isalpha() and word[0].isalpha())
        text += f" {word}" if apart else word
    return text.replace(HARD, "")


def _holes(words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Give the words with each one left out, and that one."""
    for place, word in enumerate(words):
        yield (*words[:place], "", *words[place + 1 :]), word
