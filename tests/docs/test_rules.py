"""Every rule of the protocol has a number, and every number that is cited is there (fault: code and
tests cited rules 4, 11, 13, 17 and 18 of a page whose rules had no numbers).
"""

import re
from collections import Counter

from tests.docs.pages import ROOT, files, page

PAGE = "docs/protocol.md"
MARK = re.compile(r"\*\*R(\d+)\*\* ")
CITED = re.compile(r"\brules? ((?:R?\d+)(?:(?:, | and | to )R?\d+)*)")


def blocks() -> list[str]:
    """Return the items of lists and the paragraphs; tables and drawings belong to one of them."""
    lines = page(PAGE).split("\n## ", 1)[1].split("\n")
    found = []
    for before, line in zip(["", *lines], lines, strict=False):
        item = re.match(r"- |\d+\. ", line)
        if item or (before == "" and line and line[0] not in "#| "):
            found.append(line[item.end() :] if item else line)
    return found[1:]


def numbers() -> list[int]:
    return [int(number) for number in MARK.findall(page(PAGE))]


def cited(text: str) -> list[str]:
    """Return the rules that a text cites, as it writes them."""
    return [one for group in CITED.findall(text) for one in re.findall(r"R?\d+", group)]


def test_every_rule_begins_with_its_number() -> None:
    assert [block for block in blocks() if not MARK.match(block)] == []


def test_no_number_stands_for_two_rules() -> None:
    assert [number for number, count in Counter(numbers()).items() if count > 1] == []
    assert len(numbers()) == len(blocks()) > 40


def test_every_rule_that_is_cited_is_on_the_page() -> None:
    known = {f"R{number}" for number in numbers()}
    seen, unknown = set(), []
    for path in files():
        name = path.relative_to(ROOT).as_posix()
        if path.suffix not in (".py", ".md") or name == "tests/docs/test_rules.py":
            continue
        for rule in cited(path.read_text(encoding="utf-8")):
            seen.add(rule)
            if rule not in known:
                unknown.append(f"{name}: {rule}")
    assert unknown == []
    assert {"R17", "R37"} <= seen, "citations are found at all"


def test_citations_are_seen_in_every_form() -> None:
    assert cited("(rule 4), rules 12 and 16 to 18; rule R7, the rules R1, R2 and R3") == [
        "4",
        "12",
        "16",
        "18",
        "R7",
        "R1",
        "R2",
        "R3",
    ]
