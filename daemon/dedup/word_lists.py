"""Builds sets of words from texts, in which long lists are easier to read."""


def words(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())
