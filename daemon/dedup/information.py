"""Tells questions that ask for information from tasks and from requests for a text.

Information may be given twice in other words. A task (a choice, a sum, a translation) has one right
result, which stands in a word or two of the answer, and of texts that are requested (a poem, a
list of names) each is wanted: such answers repeat each other only where they are nearly one text.

English questions are known by the words they begin with, of which there are few; those of other
languages by their question mark. What cannot be told is no question.
"""

import re
from functools import lru_cache

from daemon.dedup.courtesy import bare
from daemon.dedup.meaning import has_code
from daemon.dedup.word_lists import words

LONGEST = 40
"""Words of a question; in longer ones a text stands with which something is to be done."""
ENGLISH_SHARE = 0.12
"""Share of the words of an English text, at least, that are among the commonest ones."""

_MARKS = "?\uff1f\u061f\u037e\u055e\u1367"
"""Question marks: Latin and Cyrillic, Chinese, Arabic, Greek, Armenian and Amharic."""
_ASKS = (
    r"(?:what|which|who|whom|whose|when|where|why|how|whether)(?:['\u2019]?(?:s|re|d|ll|ve))?"
    r"|is|are|am|was|were|do|does|did|has|have|had|can|could|may|might|must|shall|should|will"
    r"|would|(?:is|are|was|were|do|does|did|has|have|had|ca|could|should|wo|would)n['\u2019]?t"
)
_QUESTION = re.compile(
    rf"(?:(?:about|after|at|before|by|for|from|in|of|on|since|through|to|until|with|within|and|but"
    rf"|so|or|then) )?(?:{_ASKS})\b|.*[,:;\u2013\u2014-] (?:{_ASKS})\b",
    re.I,
)
_EXPLANATION = re.compile(
    r"(?:explain|describe|define|clarify|elaborate|discuss|compare|about"
    r"|tell (?:me|us) (?:about|more|the|what|which|who|when|where|why|how|if|whether))\b",
    re.I,
)
_OPEN = re.compile(
    r"what(?: are|['\u2019]?re) some\b|what(?:['\u2019]?s| is| would be| are) (?:a |an |the )?"
    r"(?:few |couple of )?(?:good|great|nice|fun|funny|cool|cute|creative|interesting)\b",
    re.I,
)
"""A question for some of many things: other answers have others."""
_PART = re.compile(
    r"\bwould you\b|\bif you (?:were|had|could)\b|\bas an? [^,]*, |\bwhat if\b|\bscenario\b"
    r"|\byou (?:think|like|love|feel|wish|prefer|hope|dream|enjoy|been|ever|appreciate)\b"
    r"|\b(?:to|said to) you\b|\bsomething\b|\byour (?:favou?rite|opinion|existence|life|day)\b",
    re.I,
)
"""A part to be played, a world to be made up or an opinion: each answer has its own."""
_ABOUT_ONESELF = re.compile(
    r"(?:i|i['\u2019]\w+|we|we['\u2019]\w+|my|our|the|an?|its?|this|these|there|he|she|they)\b",
    re.I,
)
"""The beginning of a sentence that says why something is asked."""
_LETTERED = re.compile(r"(?:^|[-+(\s])[A-E]\s?[).:]\s.*[-+(\s][B-F]\s?[).:]\s", re.S)
"""Choices with letters before them."""
_SENTENCE = re.compile(rf"(?<=[.!{_MARKS}])\s+")
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*")
COMMONEST = words(
    "the and to that it it's for with are you be this as can or from your have not they will which "
    "an of is we their there but these when i if my more do does what how where why who "
    "should would been than between about into"
)


def asks_for_information(question: str, english: bool) -> bool:
    """Return whether a question, courtesy left out, asks for what can be said in many words."""
    text = question.strip()
    if "\n" in text or len(text.split()) > LONGEST or _LETTERED.search(text):
        return False
    if has_code(text):
        return False
    if not english:
        return text[-1:] in _MARKS
    *before, last = [bare(sentence).text.strip() for sentence in _SENTENCE.split(text)]
    certain = all(map(_asks, before)) or all(map(_ABOUT_ONESELF.match, before))
    return certain and _asks(last) and not _PART.search(text)


def _asks(sentence: str) -> bool:
    """Return whether an English sentence is a question for information."""
    if _OPEN.match(sentence):
        return False
    return bool(_QUESTION.match(sentence) or _EXPLANATION.match(sentence))


@lru_cache(maxsize=4096)
def is_english(text: str) -> bool:
    """Return whether a text is in English, by the share of its commonest words."""
    found = _WORD.findall(text.casefold().replace("\u2019", "'"))
    return sum(word in COMMONEST for word in found) >= max(1, ENGLISH_SHARE * len(found))
