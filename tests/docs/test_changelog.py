"""The changelog can be read: releases with dates, changes in groups, one short line each."""

import re
from datetime import date
from itertools import pairwise

from tests.docs.pages import page, project

GROUPS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
MOST_LETTERS = 200
MOST_CHANGES = 80
HEADING = re.compile(r"^## (.+)$", re.MULTILINE)


def releases() -> dict[str, str]:
    """Return the text of each release by its heading, the newest first."""
    first, *rest = HEADING.split(page("CHANGELOG.md"))
    assert first.startswith("# Changelog")
    return dict(zip(rest[::2], rest[1::2], strict=True))


def changes(text: str) -> list[str]:
    return re.findall(r"^- (.+)$", text, re.MULTILINE)


def test_what_is_not_released_stands_first_and_has_its_heading() -> None:
    assert next(iter(releases())) == "[Unreleased]"


def test_each_release_has_its_number_and_its_day_and_the_newest_is_this_version() -> None:
    """Fault: 132 changes stood under one heading, and this test could not fail."""
    headings = list(releases())[1:]
    found = [re.fullmatch(r"\[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d)", line) for line in headings]
    assert all(found), headings
    numbers = [match[1] for match in found if match]
    days = [date.fromisoformat(match[2]) for match in found if match]
    assert numbers[0] == project()["version"]
    assert all(later >= earlier for later, earlier in pairwise(days))


def test_changes_stand_in_the_groups_that_readers_know() -> None:
    for text in releases().values():
        named = re.findall(r"^### (\w+)", text, re.MULTILINE)
        assert set(named) <= GROUPS
        before = text.split("\n### ")[0]
        assert changes(before) == []


def test_a_release_can_be_read_in_minutes() -> None:
    """Fault: single changes were told in paragraphs of 600 letters."""
    for name, text in list(releases().items())[1:]:
        assert len(changes(text)) <= MOST_CHANGES, name
        assert [line for line in changes(text) if len(line) > MOST_LETTERS] == [], name
