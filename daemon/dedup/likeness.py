"""Compares the questions of suites with those of rows: rather too many are one than too few."""

import re
from typing import Literal

import numpy as np
import numpy.typing as npt
from rapidfuzz import fuzz

from daemon.dedup.meaning import is_slip
from daemon.dedup.wording import Wording, bare_words

NEAR = 85.0
"""Least ratio of characters, in percent: the threshold users know from difflib (0.85). The ratio
here is that of the longest common subsequence, which is never below difflib's."""

SHINGLE = 5
"""Characters of a shingle."""

FEW_SHINGLES = 5
"""Shorter questions count only when equal."""

LETTERS_A_WORD = 6
"""With the blank behind it; for a bound only."""

JOINED = 2
"""Words that may be written together with their neighbours in one question."""

WORDS_A_SLIP = 8
"""One slip is forgiven for each so many content words, and one in shorter questions."""

_NO_LETTERS = re.compile(r"[\W_]+")

Lengths = npt.NDArray[np.unsignedinteger]

Likeness = Literal["wording", "spelling"]
"""How near two questions are that are one: equal but for stop words, inflection, case and
punctuation, or else a few words are spelled differently by one letter or written together."""


def same_question(one: Wording, other: Wording) -> Likeness | None:
    """Return how near two questions are; None if they are two."""
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


def lengths_fit(one: Lengths, other: Lengths) -> npt.NDArray[np.bool_]:
    """Return whether contents of two lengths can differ in spelling only: a bound, no decision."""
    longer = np.maximum(one, other).astype(np.int64)
    return (longer - np.minimum(one, other)) <= 2 + longer // (LETTERS_A_WORD * WORDS_A_SLIP)
