"""Compares answers that are lists: how many items of one the other one has, in whatever order."""

import re

from daemon.dedup.word_lists import words

FEWEST = 3
"""Items of a list."""
HEAD_WORDS = 6
"""Words at the beginning of an item that say what it is."""
NAMED = 0.5
"""Share of these words that a text has which names the item."""

_ITEM = re.compile(r"^[ \t]*(?:[-*\u2022\u2013]|\d+[.):]|[a-z][.)])[ \t]+(\S.*)$", re.M)
_END_OF_HEAD = re.compile(r"[:(.\u2013\u2014]|\s-\s")
_WORD = re.compile(r"[^\W_]+")
_LIGHT = words("a an the of and or to in on for with your you is are it")


def items_covered(text: str, other: str) -> float:
    """Return the share of the items of another answer that a text names; 1 where that has none."""
    items = [head for item in _ITEM.findall(other) if (head := _head(item))]
    if len(items) < FEWEST:
        return 1.0
    here = frozenset(_WORD.findall(text.casefold()))
    found = sum(len(head & here) > NAMED * len(head) for head in items)
    return found / len(items)


def _head(item: str) -> frozenset[str]:
    """Return the words that say what an item of a list is."""
    plain = item.replace("*", "").casefold().strip()
    said = _WORD.findall(_END_OF_HEAD.split(plain, maxsplit=1)[0])
    return frozenset([word for word in said if word not in _LIGHT][:HEAD_WORDS])
