"""The first sentence of a module says what it does, not what it leaves to others."""

import ast
import re

from tests.house.sources import modules

NOT_DONE = re.compile(
    r"\b(knows? (no|not|nothing|only)|decides? (no|nothing)|asks? (no|nothing)|does none|"
    r"writes nothing|reaches no)\b",
    re.IGNORECASE,
)
"""What import-linter proves, or nobody asked: the one line that is read has no room for it."""


def test_a_first_sentence_says_what_a_module_does() -> None:
    found = [
        name
        for name, tree in modules()
        if NOT_DONE.search((ast.get_docstring(tree) or "").split("\n\n", 1)[0])
    ]
    assert not found


def test_the_formula_is_found_in_its_forms() -> None:
    assert NOT_DONE.search("The keys of rows. Knows no other row.")
    assert NOT_DONE.search("Opens an index; decides nothing.")
    assert not NOT_DONE.search("Reads what is known of a base model.")
