"""Decides whether two questions are one, and whether two answers to it agree; values only."""

import re
from typing import Literal

import numpy as np
import numpy.typing as npt
import orjson
from rapidfuzz import fuzz
from rapidfuzz.distance import OSA

from daemon.dedup.wording import Wording, bare_words

NEAR = 85.0
"""Least ratio of characters, in percent: the threshold users know from difflib (0.85). The ratio
here is that of the longest common subsequence, which is never below difflib's."""

SHINGLE = 5
"""Characters of a shingle."""

FEW_SHINGLES = 5
"""Shorter questions count only when equal."""

SPELLED_FROM = 5
"""Letters of a word from which one slip of spelling does not make it another word."""

LETTERS_A_WORD = 6
"""With the blank behind it; for a bound only."""

JOINED = 2
"""Words that may be written together with their neighbours in one question."""

WORDS_A_SLIP = 8
"""One slip is forgiven for each so many content words, and one in shorter questions."""

PROSE_WORDS = 12
"""An answer of so many words that reads like sentences is prose."""

STRUCTURE = frozenset("{[<|")
LAST_ALPHABETIC = "\u052f"
"""The end of Latin, Greek and Cyrillic: elsewhere a letter may be a word."""

_NO_LETTERS = re.compile(r"[\W_]+")

Lengths = npt.NDArray[np.unsignedinteger]

Settled = Literal["duplicate", "conflict", "different"]


Likeness = Literal["wording", "spelling"]
"""How near two questions are that are one: equal but for stop words, inflection, case and
punctuation, or else a few words are spelled differently by one letter or written together."""


def same_question(one: Wording, other: Wording) -> Likeness | None:
    """Return how near two questions are; None where they are two."""
    if one.normal == other.normal:
        return "wording"
    if one.hard != other.hard:
        return None
    shorter = min(len(one.normal), len(other.normal))
    if shorter < SHINGLE + FEW_SHINGLES - 1:
        return "wording" if _letters(one.normal) == _letters(other.normal) != "" else None
    if one.content == other.content:
        near = bool(one.content) and fuzz.ratio(one.normal, other.normal, score_cutoff=NEAR) > 0
        return "wording" if near else None
    if not _spelled_alike(one, other):
        return None
    near = fuzz.ratio(one.normal, other.normal, score_cutoff=NEAR) > 0
    return "spelling" if near else None


def _letters(text: str) -> str:
    """Return letters and digits only: "e-mail" and "email", "living room" and "livingroom" meet."""
    return _NO_LETTERS.sub("", text)


def _spelled_alike(one: Wording, other: Wording) -> bool:
    mine, its = one.content.split(" "), other.content.split(" ")
    if len(mine) != len(its):
        near = abs(len(mine) - len(its)) <= JOINED
        return near and _letters(one.normal) == _letters(other.normal)
    left = max(1, len(mine) // WORDS_A_SLIP)
    places = []
    for place, (a, b) in enumerate(zip(mine, its, strict=True)):
        if a != b:
            left -= 1
            if left < 0 or a[0] != b[0]:
                return False
            places.append(place)
    if all(is_slip(mine[place], its[place]) for place in places):
        return True
    # A slip may look like another inflection: "sleeing" has lost more than a letter of "sleep".
    bare, other_bare = bare_words(one.normal), bare_words(other.normal)
    return len(bare) == len(mine) == len(other_bare) and all(
        is_slip(bare[place], other_bare[place]) for place in places
    )


def is_slip(one: str, other: str) -> bool:
    """Return whether two words may be one: long ones that differ by a single slip of spelling."""
    if max(len(one), len(other)) < SPELLED_FROM or one[0] != other[0]:
        return False
    if not (one.isalpha() and other.isalpha()):
        return False
    if max(one + other) > LAST_ALPHABETIC:
        return False
    return OSA.distance(one, other, score_cutoff=1) <= 1


def lengths_fit(one: Lengths, other: Lengths) -> npt.NDArray[np.bool_]:
    """Return whether contents of two lengths can differ in spelling only: a bound, no decision."""
    longer = np.maximum(one, other).astype(np.int64)
    return (longer - np.minimum(one, other)) <= 2 + longer // (LETTERS_A_WORD * WORDS_A_SLIP)


def settle(likeness: Likeness, one: str, other: str, lone: bool) -> Settled:
    """Return what two rows with one question are, from their answers.

    `lone` says that the question is all that came before the answer; in a longer conversation only
    answers near each other show that the rows are one. A slip of spelling counts only with near
    answers too: it may be another word after all.
    """
    mine, its = one.split(), other.split()
    if mine == its:
        return "duplicate"
    first, second = " ".join(mine).casefold(), " ".join(its).casefold()
    prose = is_prose(one) and is_prose(other)
    if prose and fuzz.ratio(first, second, score_cutoff=NEAR) > 0:
        return "duplicate"
    if not prose and (_plain(first) == _plain(second) or _equal_values(one, other)):
        return "duplicate"
    if likeness == "spelling" or not lone:
        return "different"
    return "duplicate" if prose else "conflict"


def _plain(text: str) -> str:
    return text.strip(" .,;:!?'\"")


def _equal_values(one: str, other: str) -> bool:
    """Return whether both are JSON of one value, however written."""
    if one.strip()[:1] not in ("{", "[") or other.strip()[:1] not in ("{", "["):
        return False
    try:
        return bool(orjson.loads(one) == orjson.loads(other))
    except orjson.JSONDecodeError:
        return False


def is_prose(answer: str) -> bool:
    """Return whether an answer is sentences rather than a label, a number, a call or a table."""
    text = answer.strip()
    if not text or text[0] in STRUCTURE or text.startswith("```"):
        return False
    words = text.split()
    return len(words) >= PROSE_WORDS


def more_complete(one: str, other: str) -> bool:
    """Return whether the first of two answers says clearly more than the second."""
    return len(one.split()) > len(other.split())
