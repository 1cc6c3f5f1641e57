"""The README is short, shows what it is, and each of its guarantees is held by a test that runs."""

import re
import subprocess
import sys

import pytest

from tests.docs.pages import ROOT, page

README = "README.md"
MOST_LINES = 150
HELD = re.compile(r"\[`(test_\w+)`\]\((tests/[\w/.]+)\)")


def section(title: str) -> str:
    return page(README).split(f"\n## {title}\n")[1].split("\n## ")[0]


def guarantees() -> list[str]:
    """Return the rows of the table, its head and rule left out."""
    return [line for line in section("What is guaranteed").splitlines() if line[:1] == "|"][2:]


def test_the_readme_is_of_one_screen_and_a_half() -> None:
    """Fault: a newcomer met 450 lines of generated tree before a picture."""
    assert len(page(README).splitlines()) <= MOST_LINES


def test_the_readme_says_what_it_is_and_shows_it_before_anything_else() -> None:
    first, second = page(README).split("\n\n")[1:3]
    assert first.startswith("**Drop a JSONL file into `inbox/`")
    assert re.fullmatch(r"!\[[^\]]{20,}\]\(docs/dashboard\.png\)", second)


def test_the_first_commands_are_the_two_that_a_newcomer_needs() -> None:
    code = section("Try it").split("```")[1]
    assert [line.split("  ")[0] for line in code.splitlines()[1:]] == ["make demo", "make test"]


def test_the_folders_are_told_in_five_lines() -> None:
    assert len([line for line in section("The folders").splitlines() if line[:1] == "|"]) == 2 + 5


def test_links_stand_in_three_groups() -> None:
    groups = re.findall(r"^- \*\*(\w+)\*\*", section("More"), re.MULTILINE)
    assert groups == ["Use", "Operate", "Develop"]
    linked = set(re.findall(r"\]\(docs/([\w-]+\.md)\)", section("More")))
    assert linked == {path.name for path in (ROOT / "docs").glob("*.md")}


@pytest.mark.timeout(600)  # Another pytest reads the modules, with all that they import.
def test_every_guarantee_names_a_test_that_pytest_collects() -> None:
    """Fault: guarantees stood in the README with nothing that showed what holds them."""
    rows = guarantees()
    assert len(rows) >= 10
    assert [row for row in rows if not HELD.search(row)] == []
    named = {(path, test) for row in rows for test, path in HELD.findall(row)}
    assert named - collected({path for path, _ in named}) == set()


def collected(paths: set[str]) -> set[tuple[str, str]]:
    """Return the tests that pytest finds in some files."""
    argv = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*argv, *sorted(paths)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    found = re.findall(r"^(\S+?)::(?:\w+::)*(test_\w+)", done.stdout, re.MULTILINE)
    return {(path, test) for path, test in found}
