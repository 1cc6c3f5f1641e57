"""What is released: the wheel has all that it needs and no more, and the release is tried."""

import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, page, project


def build(kind: str, folder: Path) -> Path:
    """Return what the build backend makes of the checkout."""
    argv = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(folder)]
    subprocess.run(argv, cwd=ROOT, check=True, capture_output=True)
    [made] = folder.iterdir()
    return made


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Return the names in the wheel."""
    return set(zipfile.ZipFile(build("wheel", tmp_path_factory.mktemp("wheel"))).namelist())


def test_the_wheel_says_that_the_package_has_types(wheel: set[str]) -> None:
    """Fault: `Typing :: Typed` was claimed, and without the mark no type checker believed it."""
    assert "daemon/py.typed" in wheel
    assert "Typing :: Typed" in page("pyproject.toml")


def test_the_wheel_has_every_module_and_what_the_commands_read(wheel: set[str]) -> None:
    command = ["git", "ls-files", "daemon"]
    kept = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert {name for name in kept.splitlines() if (ROOT / name).exists()} <= wheel
    assert "daemon/_shipped/examples/smart_home.jsonl" in wheel
    assert any(name.startswith("daemon/_shipped/evals/") for name in wheel)


def test_the_wheel_has_no_test_and_no_folder_of_a_workspace(wheel: set[str]) -> None:
    tops = {name.split("/")[0] for name in wheel}
    assert tops == {"daemon", f"finetuned-{project()['version']}.dist-info"}


def test_the_source_archive_can_do_what_a_checkout_can(tmp_path: Path) -> None:
    """Fault: `make` in it looked for a script that had been left out."""
    with tarfile.open(build("sdist", tmp_path)) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames()}
    wanted = {".ci/find-python", ".ci/run", "Makefile", "README.md", "SECURITY.md", "LICENSE"}
    assert wanted <= names
    assert {"tests/conftest.py", "docs/dashboard.png", "constraints/model.txt"} <= names


def test_a_release_is_refused_without_its_day_and_its_golden_workspace() -> None:
    script = page(".ci/release")
    assert "CHANGELOG.md has no dated" in script and "no golden workspace" in script
    assert page("Makefile").count("@.ci/release") == 1
    subprocess.run(["bash", "-n", str(ROOT / ".ci" / "release")], check=True)


def test_branches_are_measured_against_a_floor() -> None:
    """Fault: nobody knew which branches no test takes."""
    measured = tomllib.loads(page("pyproject.toml"))["tool"]["coverage"]
    assert measured["run"]["branch"] is True and measured["run"]["source"] == ["daemon"]
    assert measured["report"]["fail_under"] >= 84
    assert "-m coverage report" in page("Makefile")


def test_the_image_is_made_from_what_is_there_and_says_that_nobody_has_built_it() -> None:
    text = page("Dockerfile")
    copied = re.findall(r"^COPY (.+) \S+$", text, re.MULTILINE)
    sources = [word for line in copied for word in line.split()]
    assert sources and all((ROOT / name).exists() for name in sources)
    assert "Nobody has built this image yet" in text
    assert "It has not been built yet" in page("docs/service.md")
