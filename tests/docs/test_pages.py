"""The pages say what the code says, link to what is there, and name no machine."""

import re
from pathlib import Path

import pytest

from daemon.core.decisions.commands import PRECEDENCE
from daemon.core.status.schema import FIELDS
from daemon.errors import ExitCode
from tests.docs.pages import (
    ROOT,
    anchors,
    files,
    first_column,
    links,
    page,
    pages,
    project,
    script,
    target,
)

GUIDES = (
    "data.md", "evaluation.md", "reliability.md", "reproducing.md", "service.md", "serving.md",
    "status.md", "training.md", "troubleshooting.md", "tuning.md",
)  # fmt: skip
REFERENCES = (
    "architecture.md",
    "code-map.md",
    "field-names.md",
    "glossary.md",
    "protocol.md",
    "settings.md",
)
TEXT = {".md", ".py", ".toml", ".txt", ".yaml", ".svg", ".jsonl", ""}


def test_the_settings_page_is_made_from_the_settings() -> None:
    assert page("docs/settings.md") == script("make_settings.py")["settings_page"](), (
        "run `make docs`"
    )


def test_the_status_page_has_every_field_and_no_other() -> None:
    document = page("docs/status.md").split("## The status document")[1].split("\n## ")[0]
    assert first_column(document) == set(FIELDS)


def test_every_dependency_has_a_reason_and_every_reason_a_dependency() -> None:
    declared = {re.split(r"[\[<>=;]", line)[0] for line in project()["dependencies"]}
    assert first_column(page("docs/decisions/0005-dependencies.md")) == declared


def test_the_protocol_names_every_control_file() -> None:
    requests = page("docs/protocol.md").split("## Requests")[1].split("##")[0]
    assert first_column(requests) == set(PRECEDENCE)


def test_troubleshooting_explains_every_exit_code() -> None:
    section = page("docs/troubleshooting.md").split("## Exit codes")[1].split("\n## ")[0]
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", section, re.MULTILINE)} == {
        code.value for code in ExitCode
    }


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = sorted(int(path.name[:4]) for path in (ROOT / "docs/decisions").glob("*.md"))
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_inside_the_repository_leads_somewhere(path: Path) -> None:
    assert [link for link in links(path) if not target(path, link)[0].exists()] == []


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_anchor_of_a_link_is_a_heading_of_its_page(path: Path) -> None:
    """Fault: a heading was renamed, and the links to it led to the top of a long page."""
    lost = []
    for link in links(path):
        page_of, anchor = target(path, link)
        if anchor and page_of.suffix == ".md" and anchor not in anchors(page_of):
            lost.append(link)
    assert lost == []


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_page_has_two_headings_with_one_anchor(path: Path) -> None:
    """A link to the second one would lead to the first."""
    found = anchors(path)
    assert sorted(found) == sorted(set(found)) or path.name == "CHANGELOG.md"


def test_a_guide_begins_with_what_its_reader_wants_to_do() -> None:
    """Fault: pages began with how a thing works, and the command stood in the middle."""
    first = {name: page(f"docs/{name}").splitlines()[2] for name in GUIDES}
    assert {name: line for name, line in first.items() if line != "| to | do |"} == {}


def test_there_are_about_fifteen_pages_and_each_is_a_guide_or_a_reference() -> None:
    """Fault: one subject stood in three of twenty-five pages, each with a part of it."""
    assert {path.name for path in (ROOT / "docs").glob("*.md")} == {*GUIDES, *REFERENCES}
    assert len({*GUIDES, *REFERENCES}) <= 16


def test_no_file_names_a_machine_or_an_index_of_packages() -> None:
    # Put together here, so that this file does not find itself.
    homes = "|".join(("root", "work", "home/[a-z]+", "Users/[A-Za-z]+"))
    hosts = "|".join(("pypi", "pythonhosted", "registry", "huggingface"))
    forbidden = re.compile(rf"(?<![\w.~\"])/(?:{homes})/|https?://[\w.]*(?:{hosts})\.")
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in files()
        if path.suffix in TEXT
        for match in forbidden.finditer(path.read_text(encoding="utf-8"))
    ]
    assert not found


def test_nothing_is_put_off_in_the_sources() -> None:
    marks = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|X" + r"XX)\b")
    found = [
        path.relative_to(ROOT).as_posix()
        for path in files()
        if path.suffix == ".py" and marks.search(path.read_text(encoding="utf-8"))
    ]
    assert not found
