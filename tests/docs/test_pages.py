"""The pages say what the code says, link to what is there, and name no machine."""

import re
from pathlib import Path

import pytest

from daemon.core.decisions.commands import PRECEDENCE
from daemon.core.status.schema import FIELDS
from daemon.errors import ExitCode
from tests.docs.pages import ROOT, files, first_column, page, pages, project, script

TEXT = {".md", ".py", ".toml", ".txt", ".yaml", ".svg", ".jsonl", ""}


def test_the_settings_page_is_made_from_the_settings() -> None:
    assert page("docs/settings.md") == script("make_settings.py")["settings_page"](), (
        "run `make docs`"
    )


def test_the_status_page_has_every_field_and_no_other() -> None:
    assert first_column(page("docs/status.md")) == set(FIELDS)


def test_every_dependency_has_a_reason_and_every_reason_a_dependency() -> None:
    declared = {re.split(r"[\[<>=;]", line)[0] for line in project()["dependencies"]}
    assert first_column(page("docs/decisions/0005-dependencies.md")) == declared


def test_the_protocol_names_every_control_file() -> None:
    asking = page("docs/protocol.md").split("## Asking")[1].split("##")[0]
    assert first_column(asking) == set(PRECEDENCE)


def test_troubleshooting_explains_every_exit_code() -> None:
    section = page("docs/troubleshooting.md").split("## Exit codes")[1]
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", section, re.MULTILINE)} == {
        code.value for code in ExitCode
    }


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = sorted(int(path.name[:4]) for path in (ROOT / "docs/decisions").glob("*.md"))
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_inside_the_repository_leads_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)", path.read_text(encoding="utf-8"))
    inside = [link for link in links if "://" not in link]
    assert not [link for link in inside if not (path.parent / link).exists()]


def test_the_license_and_the_changelog_belong_to_this_version() -> None:
    assert "Apache License" in page("LICENSE")
    assert "## [Unreleased]" in page("CHANGELOG.md") or project()["version"] in page("CHANGELOG.md")


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
