"""The glossary has each word once, and all the words that users meet as states and kinds."""

import re
from collections import Counter
from pathlib import Path
from typing import get_args

import pytest

from daemon.core.workspace.jobs import Outcome
from daemon.core.workspace.orders import KINDS
from daemon.layout import QUEUE_STATES
from tests.docs.pages import ROOT, page

PAGE = "docs/glossary.md"


def words() -> list[str]:
    """Return the first cells of the tables, their heads left out."""
    found = re.findall(r"^\| ([^|]+?) \|", page(PAGE), re.MULTILINE)
    return [word for word in found if word not in ("word", "---")]


def meanings() -> set[str]:
    """Return what stands in code in the meanings."""
    return set(re.findall(r"`([^`]+)`", page(PAGE)))


def introduced(text: str) -> set[str]:
    """Return the words that a page sets in italics, as it does where it says what they mean."""
    emphasised = re.findall(r"(?<![*\w`])\*([A-Za-z][a-z-]{2,})\*(?![*\w`])", text)
    return {word.lower() for word in emphasised}


def test_no_word_stands_twice() -> None:
    """Fault: `replay` did."""
    assert [word for word, count in Counter(words()).items() if count > 1] == []
    assert len(words()) > 60


@pytest.mark.parametrize(
    "states",
    [QUEUE_STATES, get_args(Outcome), ("promote", "unproven", "refuse")],
    ids=["jobs", "outcomes", "verdicts"],
)
def test_every_state_that_a_user_meets_is_explained(states: tuple[str, ...]) -> None:
    assert set(states) <= meanings()


def test_every_kind_of_order_has_its_word() -> None:
    assert {kind.name for kind in KINDS} <= set(words())


EMPHASISED = {"all", "better", "did", "healthy", "moved", "refused", "width"}
"""Words in italics that are no terms."""


@pytest.mark.parametrize("name", ["protocol", "data", "training", "evaluation", "tuning", "status"])
def test_every_word_that_a_page_introduces_is_in_the_glossary(name: str) -> None:
    """Fault: the glossary left out words that pages define, as `audit` and `habit`."""
    known = {*words(), *(f"{word}s" for word in words()), *meanings(), *EMPHASISED}
    assert introduced(page(f"docs/{name}.md")) - known == set()


def test_introduced_words_are_found() -> None:
    assert {"seen", "family", "order", "audit"} <= introduced(page("docs/protocol.md"))


def test_every_word_is_used_on_another_page() -> None:
    """A word that nobody uses any more is no help."""
    others = [path for path in (ROOT / "docs").glob("*.md") if path != ROOT / PAGE]
    text = " ".join(_plain(path) for path in [*others, ROOT / "README.md"])
    unused = [word for word in words() if not re.search(rf"\b{_stem(word)}", text)]
    assert unused == []


def _stem(word: str) -> str:
    """Return a word's last part without its ending: `skipped row` is used as `skipped`, too."""
    return re.escape(word.lower().split()[0][:-1])


def _plain(path: Path) -> str:
    return re.sub(r"\s+", " ", path.read_text(encoding="utf-8").lower())
