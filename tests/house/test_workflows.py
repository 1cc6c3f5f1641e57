"""The hosted jobs call what there is, and the marks by platform are used with a reason."""

import ast
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.pages import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def commands(path: Path) -> list[str]:
    """Return the shell lines of a workflow."""
    document: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    steps = [step for job in document["jobs"].values() for step in job["steps"]]
    return [step["run"] for step in steps if "run" in step]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_runs_the_commands_of_developers(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for line in commands(path):
        for target in re.findall(r"\bmake ([a-z-]+)", line):
            assert target in targets
        for program in re.findall(r"^\.ci/[a-z-]+", line):
            assert (ROOT / program).is_file()


def test_there_is_a_job_for_linux_for_macs_and_for_the_choices_of_a_gpu() -> None:
    """No hosted job ran any test, on any platform."""
    text = "".join(path.read_text(encoding="utf-8") for path in WORKFLOWS)
    assert all(name in text for name in ("ubuntu-24.04-arm", "macos-15", "make test-gpu"))


def test_a_test_that_is_for_linux_says_why() -> None:
    found = 0
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and ast.unparse(node) == "pytest.mark.linux":
                found += 1
        bare = re.search(r"^@pytest\.mark\.linux$", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert bare is None, path
    assert found > 5


def test_the_installer_is_a_valid_script_for_each_back_end() -> None:
    for extra in ("cpu", "cuda12"):
        argv = ["make", "-n", "-W", "pyproject.toml", f"EXTRA={extra}", ".venv/.ready"]
        told = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        subprocess.run(["sh", "-n"], input=told, text=True, check=True)
        assert f"'.[{extra},dev]'" in told
