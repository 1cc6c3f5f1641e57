"""What differs between two texts, word by word; pure."""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import groupby
from typing import Literal

Kind = Literal["same", "gone", "new"]

_PIECE = re.compile(r"\s*(?:\w+|[^\w\s])|\s+")
"""A word or a mark with the white space before it: of a JSON text only what changed is marked."""
_WORD = re.compile(r"\w")
LEAST_SHARED = 0.25
"""Share of the longer text under which two texts are two, whatever words they happen to share."""


def word_changes(before: str, now: str) -> list[tuple[Kind, str]]:
    """Return both texts in one: what they share, what is only in the first, only in the second.

    Put together without anything in between, the parts are the texts again.
    """
    blocks = list(_blocks(before, now))
    shared = sum(len(mine) for kind, _, mine in blocks if kind == "same")
    if shared < LEAST_SHARED * max(len(before), len(now)):
        return list(_joined([("gone", before), ("new", now)]))
    parts: list[tuple[Kind, str]] = []
    gone = new = ""
    for kind, old, mine in blocks:
        if kind == "same" and (_WORD.search(mine) or not (gone or new)):
            parts += [*_changed(gone, new), ("same", mine)]
            gone = new = ""
        else:
            # A comma between two changed words is no reason to tear them apart.
            gone, new = gone + old, new + mine
    return list(_joined([*parts, *_changed(gone, new)]))


def _blocks(before: str, now: str) -> Iterator[tuple[Kind, str, str]]:
    old, new = _PIECE.findall(before), _PIECE.findall(now)
    for what, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        yield "same" if what == "equal" else "gone", "".join(old[a:b]), "".join(new[c:d])


def _changed(gone: str, new: str) -> list[tuple[Kind, str]]:
    """Return a change without the marks and the white space that both sides begin and end with."""
    begin = _shared(gone, new)
    end = _shared(gone[begin:][::-1], new[begin:][::-1])
    return [
        ("same", gone[:begin]),
        ("gone", gone[begin : len(gone) - end]),
        ("new", new[begin : len(new) - end]),
        ("same", gone[len(gone) - end :]),
    ]


def _shared(one: str, other: str) -> int:
    """Return how many characters two texts begin with alike, up to the first word."""
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
