"""What of a question is its own: content words in order, without stop words and inflection.

Words of other languages than English keep their inflection and stop words: then fewer questions
count as the same one, and no row is lost.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from daemon.core.rows.examples import Chat, Example
from daemon.dedup.unspaced import is_unspaced, units

STOP_WORDS = frozenset(
    [
        "a",
        "an",
        "the",
        "that",
        "of",
        "to",
        "for",
        "at",
        "it",
        "its",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "being",
        "do",
        "does",
        "did",
        "done",
        "has",
        "have",
        "had",
        "having",
        "please",
        "kindly",
        "just",
        "s",
        "re",
        "m",
        "ve",
        "ll",
        "d",
    ]
)
"""Words without which a question stays the same. Missing on purpose: prepositions of place and
direction ("on", "off"), question words, quantities, modal verbs ("can", "must") and persons ("my
name" is not "your name")."""

NEGATIONS = frozenset(
    ["not", "no", "never", "without", "none", "nor", "neither", "nothing", "nobody", "cannot"]
)
HARD = "\x1f"
"""Stands before a word of the content that may not differ at all."""

_CONTRACTED = {
    "dont",
    "doesnt",
    "didnt",
    "cant",
    "wont",
    "isnt",
    "arent",
    "wasnt",
    "werent",
    "shouldnt",
    "wouldnt",
    "couldnt",
    "hasnt",
    "havent",
    "hadnt",
    "mustnt",
}
_APOSTROPHES = str.maketrans({"\u2019": "'", "\u02bc": "'", "\u00b4": "'", "`": "'"})
_HYPHEN = re.compile(r"(?<=[^\W\d_])[-\u2010\u2011](?=[^\W\d_])")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_MARKUP = re.compile(r"<\|[^|<>]{1,40}\|>")
_TOKEN = re.compile(
    r"[^\W\d_]+(?:'[^\W\d_]+)*"  # a word, apostrophes inside
    r"|-?\d+(?:[.,:]\d+)*"  # a number
    # any symbol but punctuation: operators, currencies, emoji
    r"|[^\w\s.,;:!?'\"\u2026()\[\]{}\u00ab\u00bb\u201c\u201d\u2018\u2019\u201e\u00bf\u00a1\u2013\u2014]"
)
_UNINFLECTED = frozenset(
    ["always", "during", "evening", "lens", "means", "morning", "news", "perhaps", "series"]
)
_MOST_WORDS = 1 << 16
_VOWEL = re.compile("[aeiouy]")


@dataclass(frozen=True, slots=True)
class Wording:
    """One question as it is compared."""

    normal: str
    """The user's own words: case folded, white space squeezed."""
    content: str
    """The content words in order, joined by blanks."""
    hard: str
    """Of them the numbers, symbols and negations, none of which may differ."""


class Words(dict[str, str]):
    """From a word between blanks to its content, remembered; empty for a stop word."""

    def __missing__(self, word: str) -> str:
        if len(self) >= _MOST_WORDS:
            self.clear()
        found = self[word] = " ".join(_content_of(word))
        return found


class BareWords(dict[str, list[str]]):
    """From a word between blanks to the words of its content with their inflection, remembered."""

    def of(self, text: str) -> list[str]:
        """Return the words that the content of a text is made of."""
        return [token for word in text.split() for token in self[word]]

    def __missing__(self, word: str) -> list[str]:
        if len(self) >= _MOST_WORDS:
            self.clear()
        found = self[word] = _tokens_of(word)
        return found


def users_words(example: Example) -> str:
    """Return what the user wrote: no system text, no tools, no tool results."""
    if isinstance(example, Chat):
        return "\n".join(turn.content for turn in example.turns if turn.role == "user")
    return example.text


def read(pieces: Sequence[str], words: Words) -> Wording:
    """Return the wording of a question whose words were split at white space."""
    content = content_of(pieces, words)
    return Wording(" ".join(pieces).casefold(), content, hard_part(content))


def content_of(pieces: Sequence[str], words: Words) -> str:
    """Return the content words, in order."""
    return " ".join(filter(None, map(words.__getitem__, pieces)))


def plain(text: str) -> str:
    """Return a text without control tokens, each letter in one form only."""
    if "<|" in text:
        text = _MARKUP.sub(" ", text)
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def split(text: str) -> list[str]:
    """Return the words between white space, control tokens left out."""
    return plain(text).split()


def hard_part(content: str) -> str:
    """Return the numbers, symbols and negations of content words."""
    if HARD not in content:
        return ""
    return " ".join(piece.partition(" ")[0] for piece in content.split(HARD)[1:])


def bare_words(normal: str) -> list[str]:
    """Return the words a content is made of, with their inflection."""
    return [token for word in normal.split(" ") for token in _tokens_of(word)]


def every_word(text: str) -> list[str]:
    """Return all words of a question with their inflection, stop words too."""
    return [token for word in text.split() for token in _all_tokens_of(word)]


def _content_of(word: str) -> list[str]:
    if word == "IT":
        return ["IT"]  # the trade, not the pronoun
    return [_marked(token) for token in _tokens_of(word)]


def _tokens_of(word: str) -> list[str]:
    return [token for token in _all_tokens_of(word) if token not in STOP_WORDS]


def _all_tokens_of(word: str) -> list[str]:
    folded = word.casefold().translate(_APOSTROPHES)
    folded = _THOUSANDS.sub("", _HYPHEN.sub("", folded))
    if is_unspaced(folded):
        return units(folded)
    found: list[str] = []
    for token in _TOKEN.findall(folded):
        found += _words_of(token) if "'" in token or token in _CONTRACTED else [token]
    return found


def _marked(token: str) -> str:
    return base_form(token) if token.isalpha() and token not in NEGATIONS else HARD + token


def _words_of(token: str) -> list[str]:
    if token.endswith("n't") or token in _CONTRACTED:
        return ["not"]
    return token.split("'")


def base_form(word: str) -> str:
    """Return an English word without its inflection (plural, -ed, -ing); rules, no dictionary.

    Derivations stay apart, "printer" and "print" are two words; so do forms the rules do not know.
    """
    if len(word) < 4 or word in _UNINFLECTED or not (word.isascii() and word.isalpha()):
        return word
    if word.endswith(("ies", "ied")):
        return word[:-3] + "y" if len(word) > 4 else word[:-1]
    if word.endswith(("sses", "xes", "ches", "shes", "zzes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    if word.endswith("ed") and not word.endswith("eed"):
        return _without(word, 2)
    return _without(word, 3) if word.endswith("ing") else word


def _without(word: str, ending: int) -> str:
    stem = word[:-ending]
    if len(stem) < 3 or not _VOWEL.search(stem):
        return word
    if stem[-1] == stem[-2] and stem[-1] not in "lsz":
        return stem[:-1]
    # "caused" and "moving" lost a letter that "cause" and "move" have.
    return stem + "e" if stem[-1] in "csuvz" and stem[-2] != stem[-1] else stem
