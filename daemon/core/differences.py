"""What differs between two texts, word by word; pure."""

from difflib import SequenceMatcher
from typing import Literal

Kind = Literal["same", "gone", "new"]


def word_changes(before: str, now: str) -> list[tuple[Kind, str]]:
    """Return both texts in one: words they share, words only in the first, only in the second."""
    old, new = before.split(" "), now.split(" ")
    found: list[tuple[Kind, str]] = []
    for what, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what == "equal":
            found.append(("same", " ".join(new[c:d])))
            continue
        if b > a:
            found.append(("gone", " ".join(old[a:b])))
        if d > c:
            found.append(("new", " ".join(new[c:d])))
    return found
