"""Each fault of `docs/reliability.md` is named by a test that covers it, or has a reason here."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

from tests.house.sources import ROOT

PAGE = "docs/reliability.md"
ID = re.compile(r"\b[INPQTCSVAD]\d{1,2}\b")
RANGE = re.compile(rf"{ID.pattern} to {ID.pattern}")
"""It says of no single fault that it is covered."""

UNTESTED: dict[str, str] = {
    "T15": "nothing to overlap: one loop trains and saves, in turn",
}


def ids(page: str) -> list[str]:
    """Return the ids of the tables, in their order."""
    return re.findall(r"^\| ([A-Z]\d+) \|", page, flags=re.MULTILINE)


def named_in(source: str) -> set[str]:
    """Return the ids in docstrings, comments and names of tests, each as a word of its own."""
    words = "\n".join([*_docstrings_and_names(source), *_comments(source)])
    return set(ID.findall(RANGE.sub("", words)))


def _docstrings_and_names(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            yield ast.get_docstring(node) or ""
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node.name.replace("_", " ")


def _comments(source: str) -> Iterator[str]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


def named_by_tests() -> set[str]:
    """Return the ids that the tests name, those of this module left out."""
    found: set[str] = set()
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        if path != Path(__file__).resolve():
            found |= named_in(path.read_text(encoding="utf-8"))
    return found


def page() -> list[str]:
    """Return the ids of the page."""
    return ids((ROOT / PAGE).read_text(encoding="utf-8"))


def test_every_fault_has_a_test_or_a_reason_and_none_has_both() -> None:
    known, named, reasons = set(page()), named_by_tests(), set(UNTESTED)
    assert not sorted(known - named - reasons), "neither a test nor a reason"
    assert not sorted(named & reasons), "a test and a reason: take the reason out"


def test_no_test_and_no_reason_is_about_a_fault_that_is_not_on_the_page() -> None:
    assert not sorted((named_by_tests() | set(UNTESTED)) - set(page()))


def test_the_ids_of_a_section_are_numbered_without_a_gap() -> None:
    found = page()
    sections = dict.fromkeys(name[0] for name in found)
    expected = [
        f"{section}{number}"
        for section in sections
        for number in range(1, 1 + sum(name[0] == section for name in found))
    ]
    assert found == expected and "".join(sections) == "INPQTCSVAD"


def test_an_id_counts_as_a_word_in_docstrings_comments_and_names_only() -> None:
    source = '''
"""About N1 (faults N2, N3), not N40x and not Q1 to Q9."""
value = "N4"  # N5
def test_it_N6_too(): "N7"
def helper_N8(): pass
'''
    assert named_in(source) == {"N1", "N2", "N3", "N5", "N6", "N7"}
