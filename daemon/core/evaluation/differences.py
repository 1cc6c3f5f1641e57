"""Word-by-word differences between two texts."""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import groupby
from typing import Literal

Kind = Literal["same", "gone", "new"]

_UNIT = re.compile(r"\s*(?:\w+|[^\w\s])|\s+")
"""A word or a punctuation mark with the whitespace before it: fine enough for JSON text."""
_WORD = re.compile(r"\w")
LEAST_SHARED = 0.25
"""Texts that share less than this part of the longer one are shown as wholly different."""


def word_changes(before: str, now: str) -> list[tuple[Kind, str]]:
    """Return both texts as one list of parts: in both, only in the first, only in the second.

    Joined without separators, the parts are the texts again.
    """
    blocks = list(_blocks(before, now))
    shared = sum(len(mine) for kind, _, mine in blocks if kind == "same")
    if shared < LEAST_SHARED * max(len(before), len(now)):
        return list(_joined([("gone", before), ("new", now)]))
    parts: list[tuple[Kind, str]] = []
    removed = new = ""
    for kind, old, mine in blocks:
        if kind == "same" and (_WORD.search(mine) or not (removed or new)):
            parts += [*_changed(removed, new), ("same", mine)]
            removed = new = ""
        else:
            # A comma between two changed words does not split the change.
            removed, new = removed + old, new + mine
    return list(_joined([*parts, *_changed(removed, new)]))


def _blocks(before: str, now: str) -> Iterator[tuple[Kind, str, str]]:
    old, new = _UNIT.findall(before), _UNIT.findall(now)
    for what, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        yield "same" if what == "equal" else "gone", "".join(old[a:b]), "".join(new[c:d])


def _changed(removed: str, new: str) -> list[tuple[Kind, str]]:
    """Return a change without the punctuation and whitespace that both sides begin or end with."""
    begin = _shared(removed, new)
    end = _shared(removed[begin:][::-1], new[begin:][::-1])
    return [
        ("same", removed[:begin]),
        ("gone", removed[begin : len(removed) - end]),
        ("new", new[begin : len(new) - end]),
        ("same", removed[len(removed) - end :]),
    ]


def _shared(one: str, other: str) -> int:
    """Return the length of the common start of two texts, up to the first word."""
    count = 0
    for mine, its in zip(one, other, strict=False):
        if mine != its or _WORD.match(mine):
            break
        count += 1
    return count


def _joined(parts: list[tuple[Kind, str]]) -> Iterator[tuple[Kind, str]]:
    for kind, of_kind in groupby(parts, key=lambda part: part[0] if part[1] else None):
        if kind is not None:
            yield kind, "".join(text for _, text in of_kind)
