"""Compares two answers to one question: equal, contradicting, or two wordings of one.

A doubt whether they contradict is decided for a contradiction: then both rows stay.
"""

import re
from functools import lru_cache
from typing import Literal

import orjson
from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein

from daemon.dedup import unspaced
from daemon.dedup.information import COMMONEST, asks_for_information, is_english
from daemon.dedup.listed import items_covered
from daemon.dedup.unspaced import word_count

Verdict = Literal["equal", "repeat", "contradict", "different"]
"""One answer, two wordings of it, two that exclude each other, or two that are both wanted."""

NEAR = 85.0
"""Least ratio of characters, in percent, of texts that are nearly one."""
PROSE_WORDS = 12
"""An answer of so many words that reads like sentences is prose."""
MORE = 1.2
"""A more complete answer has at least so many times the words of the other one."""
COVERED = 0.9
"""Share of the words of an answer that one which covers it has too."""
HELD = 0.8
"""Share of the numbers of an answer, of the items of a list, and in other languages than English
of all words, that the longer one has too."""
NAMED = 0.5
"""Share of the names and quotations of an answer that the longer one has too."""
QUANTITIES = 3
"""So many numbers in an answer are quantities, as in a recipe: another one has others."""
MUCH_LONGER = 6
OWN_WORDS = 0.45
"""An answer that is so many times as long must have this share of the other one's words, without
those of the question and the commonest ones."""
STRUCTURE = frozenset("{[<|")
FEW_SWAPS = 3
SHORT = 3
"""So few places with so few words each that differ are a choice; more are another wording."""
LONGEST = 20_000
"""Characters of an answer of which numbers, names and choices are read."""

_EDGES = " .,;:!?'\"\u2026()[]*_"
_NUMBER = re.compile(r"(?<![\w.])[-\u2212]?\d+(?:[.,:]\d+)*%?|(?<=[^\W\d_])\d+")
_QUOTED = re.compile(
    r"[\"\u201c\u201e`\u00ab]([^\"\u201c\u201d`\u00bb\n]{2,60})[\"\u201d\u201c`\u00bb]"
)
_PLACE_IN_LIST = re.compile(r"^[ \t]*\d+[.):]\s", re.M)
_TWO_AND_MORE = (
    "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty"
)
_NUMBER_WORDS = {word: str(number) for number, word in enumerate(_TWO_AND_MORE.split(), 2)} | {
    "thirty": "30",
    "forty": "40",
    "fifty": "50",
    "sixty": "60",
    "seventy": "70",
    "eighty": "80",
    "ninety": "90",
    "hundred": "100",
    "thousand": "1000",
    "million": "1000000",
    "twice": "2",
    "double": "2",
    "half": "0.5",
}
_NAME = re.compile(
    r"(?<![.!?:\u2026\n]\s)(?<!^)(?<![\"\u201c\u2018'(*#-])\b[A-Z\u00c0-\u00de][\w'-]+"
)
_YES = re.compile(
    r"(?:yes|yeah|yep|yup|sure|certainly|of course|absolutely|definitely|indeed|correct|right"
    r"|true|that's right|that is right|exactly)(?![\w'])",
    re.I,
)
_NO = re.compile(
    r"(?:no|nope|nah|not|never|unfortunately,? (?:no|not)|sorry,? (?:no|but no|we (?:do not|don't))"
    r"|i'?m afraid (?:not|no|we|that)|false|incorrect|wrong"
    r"|that's (?:not|wrong)|that is (?:not|wrong)|by no means|not at all|negative)(?![\w'])",
    re.I,
)
_REFUSAL = re.compile(
    r"(?:(?:i['\u2019]?m| i am|we['\u2019]?re) (?:really |very |so )?sorry\b"
    r"(?! to hear| (?:about|for) your)"
    r"|(?:i|we) apologi[sz]e|(?:my )?apologies"
    r"|as an ai\b[^.]*\b(?:can['\u2019]?t|cannot|do not|don['\u2019]t|unable)"
    r"|(?:sorry,? (?:but )?)?i (?:can['\u2019]?t|cannot|am (?:not able|unable)|won['\u2019]t)\b)",
    re.I,
)
_NEGATION = re.compile(
    r"(?<![\w'])(?:not|no|never|none|nobody|nothing|nowhere|neither|nor|cannot|without|unable"
    r"|impossible|hardly|\w+n[\u2019']t)(?![\w'])",
    re.I,
)
_POLAR = re.compile(
    r"(?:^|[.,;:!?\n]\s*|\b(?:and|or|but) )(?:is|are|was|were|do|does|did|has|have|had|can"
    r"|could|may|might|must|shall|should|will|would|am|isn't|aren't|don't|doesn't|didn't|can't|won't|if|whether)\b",
    re.I,
)
_SIDES = (
    "left right",
    "upstairs downstairs",
    "always never",
    "maximum minimum",
    "true false",
    "allowed/permitted/legal forbidden/prohibited/banned/illegal",
    "free paid",
    "east west",
    "increase/increases/increased decrease/decreases/decreased",
    "north south",
    "required/mandatory/compulsory optional/voluntary",
    "possible impossible",
    "safe unsafe/dangerous",
    "enabled disabled",
    "ascending descending",
)
_CHOICES = tuple(
    (frozenset(one.split("/")), frozenset(two.split("/")))
    for one, _, two in (sides.partition(" ") for sides in _SIDES)
)
"""Of each pair at most one is true, in whatever words the rest is said."""
_CODE = "```"
"""Two programs are two, however alike what they do."""
Pairs = frozenset[str]


def settle(question: str, one: str, other: str, equal: bool, near: float = NEAR) -> Verdict:
    """Return what two answers to one question are; `equal` says that it is asked word for word.

    Labels and other short answers repeat only where the questions are equal.
    """
    first, second = _plain(one), _plain(other)
    prose = is_prose(one) and is_prose(other)
    if first == second or _equal_values(one, other):
        return "equal" if equal or prose else "different"
    if prose and (unspaced.is_unspaced(one) or unspaced.is_unspaced(other)):
        return unspaced.settle(one, other, near)
    if not prose:
        return "repeat" if equal and _says_in_short(one, other, question) else "contradict"
    if contradict(question, one, other, near):
        return "contradict"
    return "repeat" if is_near(one, other, near) or _rewords(question, one, other) else "different"


def _rewords(question: str, one: str, other: str) -> bool:
    """Return whether two answers give the same information, in whatever words.

    In other languages than English nobody here can tell a negation, a name or a choice: there the
    longer answer has to have nearly all words of the other one.
    """
    english = is_english(f"{question} {one}") and is_english(f"{question} {other}")
    if not asks_for_information(question, english) or (_CODE in one and _CODE in other):
        return False
    short, long = (other, one) if more_complete(one, other) else (one, other)
    if not english:
        return _holds(_content(long), _content(short), HELD)
    said, kept = (_facts(text[:LONGEST], question) for text in (short, long))
    if len(said.numbers) >= QUANTITIES:
        return False
    if word_count(long) >= MUCH_LONGER * word_count(short):
        # A line beside a page: whether the page says so too is told by its words alone.
        own = said.own_words
        if not own or not _holds(kept.words, own, OWN_WORDS):
            return False
    return kept.has_facts_of(said) and items_covered(long, short) >= HELD


def contradict(question: str, one: str, other: str, near: float = NEAR) -> bool:
    """Return whether two answers in prose exclude each other."""
    if _polarities_differ(question, one, other) or _refuses(one) != _refuses(other):
        return True
    if is_near(one, other, near):
        return _differ_in_a_word(one, other)
    mine, its = _facts(one[:LONGEST], question), _facts(other[:LONGEST], question)
    return mine.contradict(its)


def _refuses(answer: str) -> bool:
    """Return whether an answer says that it gives none."""
    return _REFUSAL.match(answer.lstrip(" \t\n*_\"'")) is not None


def is_near(one: str, other: str, near: float = NEAR) -> bool:
    """Return whether two texts are nearly one, case and blanks aside."""
    return fuzz.ratio(_plain(one), _plain(other), score_cutoff=near) > 0


def completes(new: str, old: str) -> bool:
    """Return whether a new answer says all that an old one says, and at least a fifth more."""
    mine, its = _content(new), _content(old)
    longer = word_count(new) >= MORE * word_count(old)
    return longer and _holds(mine, its, COVERED)


def _holds(more: Pairs, less: Pairs, share: float) -> bool:
    return len(less & more) >= share * len(less)


def is_prose(answer: str) -> bool:
    """Return whether an answer is sentences rather than a label, a number, a call or a table."""
    text = answer.strip()
    if not text or text[0] in STRUCTURE or text.startswith("```"):
        return False
    return word_count(text) >= PROSE_WORDS


def more_complete(one: str, other: str) -> bool:
    """Return whether the first of two answers says clearly more than the second."""
    return word_count(one) > word_count(other)


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold().strip(_EDGES)


def _equal_values(one: str, other: str) -> bool:
    """Return whether both are JSON of one value, however written."""
    if one.strip()[:1] not in ("{", "[") or other.strip()[:1] not in ("{", "["):
        return False
    try:
        return bool(orjson.loads(one) == orjson.loads(other))
    except orjson.JSONDecodeError:
        return False


def _says_in_short(one: str, other: str, question: str) -> bool:
    """Return whether one answer is short and the other one prose that says just that, and more."""
    short, long = (one, other) if len(one) < len(other) else (other, one)
    if not is_prose(long) or is_prose(short) or short.strip()[:1] in STRUCTURE:
        return False
    if _polarities_differ(question, one, other):
        return False
    wanted = _content(short)
    return bool(wanted) and wanted <= _content(long) and not _differ_in_negation(one, other)


def _content(text: str) -> frozenset[str]:
    if unspaced.is_unspaced(text):
        return unspaced.pairs(text)
    return frozenset(word.casefold().strip(_EDGES) for word in text.split()) - {""}


# --- yes and no ----------------------------------------------------------------------------------


def _polarities_differ(question: str, one: str, other: str) -> bool:
    mine, its = _polarity(one), _polarity(other)
    if mine and its:
        return mine != its
    is_polar = _POLAR.search(question) is not None
    if not is_polar and -1 in (mine, its):
        return True  # A "no" to what is no such question denies what the other one takes for so.
    if not (mine or its or is_polar):
        return False
    # One says yes or no outright, or is asked to: what does the other one's first sentence say?
    return _leaning(one, mine) != _leaning(other, its)


def _polarity(answer: str) -> int:
    text = answer.lstrip(" \t\n*_\"'")
    if _NO.match(text):
        return -1
    return 1 if _YES.match(text) else 0


def _leaning(answer: str, polarity: int) -> int:
    if polarity:
        return polarity
    first = re.split(r"[.!?;:\n]", answer.strip(), maxsplit=1)[0]
    return -1 if _NEGATION.search(first) else 1


def _differ_in_negation(one: str, other: str) -> bool:
    return len(_NEGATION.findall(one)) % 2 != len(_NEGATION.findall(other)) % 2


# --- nearly one text -----------------------------------------------------------------------------


def _differ_in_a_word(one: str, other: str) -> bool:
    """Return whether texts that are nearly one say something else in a place or two.

    What one of them only adds is no contradiction, nor is a text that is reworded all over.
    """
    if len(_NEGATION.findall(one)) != len(_NEGATION.findall(other)):
        return True
    mine, its = _raw(one), _raw(other)
    swaps = [
        (mine[op.src_start : op.src_end], its[op.dest_start : op.dest_end])
        for op in Levenshtein.opcodes(_folded(mine), _folded(its))
        if op.tag != "equal"
    ]
    swaps = [swap for swap in swaps if not _is_small(swap)]
    replaced = [swap for swap in swaps if all(swap)]
    few = len(swaps) <= FEW_SWAPS and any(len(a) <= SHORT and len(b) <= SHORT for a, b in replaced)
    return few or any(_tells_facts(a) and _tells_facts(b) for a, b in replaced)


def _raw(text: str) -> list[str]:
    return [word for piece in text.split() if (word := piece.strip(_EDGES))]


def _folded(words: list[str]) -> list[str]:
    return [word.casefold() for word in words]


def _is_small(swap: tuple[list[str], list[str]]) -> bool:
    """Return whether a swap is of articles only."""
    one, other = (
        [word for word in _folded(side) if word not in ("a", "an", "the")] for side in swap
    )
    return one == other


def _tells_facts(words: list[str]) -> bool:
    """Return whether some words hold a number or a name."""
    return any(
        word[:1].isupper() or any(map(str.isdigit, word)) or word.casefold() in _NUMBER_WORDS
        for word in words
    )


# --- two wordings --------------------------------------------------------------------------------


class _Facts:
    """What of an answer may contradict another one, however both are worded."""

    def __init__(self, text: str, question_words: Pairs) -> None:
        if len(_PLACE_IN_LIST.findall(text)) > 1:
            text = _PLACE_IN_LIST.sub("", text)
        folded = text.casefold()
        words = frozenset(re.findall(r"[^\W\d_]+", folded))
        numbers = {number.rstrip("%").replace(",", "") for number in _NUMBER.findall(text)}
        numbers |= {_NUMBER_WORDS[word] for word in words & _NUMBER_WORDS.keys()}
        self.numbers = frozenset(numbers) - question_words
        self.names = (
            frozenset(name.casefold() for name in _NAME.findall(text)) - question_words - _I
        )
        self.words = words
        self.own_words = (
            frozenset(word for word in words if len(word) > 2) - question_words - COMMONEST
        )
        self.quoted = (
            frozenset(quoted.casefold() for quoted in _QUOTED.findall(text)) - question_words
        )
        self.text = folded

    def contradict(self, other: "_Facts") -> bool:
        """Return whether numbers, names or choices of both exclude each other."""
        if _apart(self.numbers, other.numbers):
            return True
        if self.names and other.names and not self.names & other.names:
            return True
        return any(self._chooses(one, two, other) for one, two in _CHOICES)

    def has_facts_of(self, other: "_Facts") -> bool:
        """Return whether most names, numbers and quotations of another answer are in this one."""
        held = _holds(self.numbers, other.numbers, HELD)
        here = frozenset(quoted for quoted in other.quoted if quoted in self.text)
        return held and _holds(self.names, other.names, NAMED) and _holds(here, other.quoted, NAMED)

    def _chooses(self, one: Pairs, two: Pairs, other: "_Facts") -> bool:
        mine, its = (
            (bool(one & self.words), bool(two & self.words)),
            (bool(one & other.words), bool(two & other.words)),
        )
        return mine != its and sum(mine) == sum(its) == 1


_I = frozenset(["i", "i'm", "i've", "i'd", "i'll"])


def _apart(one: Pairs, other: Pairs) -> bool:
    """Return whether as many numbers differ in both as are the same: of one fact, then."""
    return min(len(one - other), len(other - one)) >= max(1, len(one & other))


@lru_cache(maxsize=4096)
def _facts(text: str, question: str) -> _Facts:
    question_words = frozenset(re.findall(r"[\w'-]+", question.casefold()))
    return _Facts(text, question_words)
