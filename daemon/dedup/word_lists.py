"""Makes sets of words from a text of them, as long lists are read more easily."""


def words(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())
