"""Counts the most frequent first words and patterns of prompts, in bounded memory."""

import re

from daemon.core.records import JsonObject
from daemon.core.workspace.jobs import escape

SHOWN = 15
CAPACITY = 2000
"""Shapes counted; at twice as many the rarer half is dropped."""
PATTERN_CHARACTERS = 120
"""Characters of a prompt used for its pattern."""
VARIABLE = re.compile(r"\"[^\"]*\"|“[^”]*”|`[^`]*`|\d+(?:[.,:/-]\d+)*")


class Frequent:
    """Counts the most frequent of any number of texts (lossy counting, Manku 2002)."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._exact = True

    def add(self, text: str) -> None:
        """Count one."""
        counts = self._counts
        counts[text] = counts.get(text, 0) + 1
        if len(counts) >= 2 * CAPACITY:
            self._exact = False
            self._counts = dict(sorted(counts.items(), key=_by_count)[:CAPACITY])

    def as_record(self) -> JsonObject:
        """Return the most frequent texts, without those seen only once."""
        first = sorted(self._counts.items(), key=_by_count)[:SHOWN]
        top = [{"text": escape(text, PATTERN_CHARACTERS), "count": n} for text, n in first if n > 1]
        return {"top": top, "exact": self._exact}


class PromptShapes:
    """The first words and the patterns of prompts."""

    def __init__(self) -> None:
        self._words = Frequent()
        self._patterns = Frequent()

    def add(self, prompt: str) -> None:
        """Count the shapes of one prompt."""
        start = prompt[:PATTERN_CHARACTERS]
        self._words.add(" ".join(start.split(None, 2)[:2]))
        self._patterns.add(pattern_of(start))

    def as_record(self) -> JsonObject:
        """Return both lists; a count is a lower bound where `exact` is False."""
        return {"first_words": self._words.as_record(), "patterns": self._patterns.as_record()}


def pattern_of(text: str) -> str:
    """Return a text with its numbers and quoted strings replaced by placeholders."""
    return " ".join(VARIABLE.sub(_mark, text).split())


def _mark(match: re.Match[str]) -> str:
    return "#" if match[0][0].isdigit() else "“…”"


def _by_count(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]
