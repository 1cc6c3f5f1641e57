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


def systems(path: Path) -> dict[str, list[str]]:
    """Return the commands of a workflow by the system they run on."""
    found: dict[str, list[str]] = {}
    for job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values():
        lines = [step["run"] for step in job["steps"] if "run" in step]
        matrix = job.get("strategy", {}).get("matrix", {}).get("os", [job["runs-on"]])
        for system in matrix:
            found.setdefault(system, []).extend(lines)
    return found


@pytest.mark.parametrize("system", ["ubuntu-24.04", "ubuntu-24.04-arm", "macos-14", "macos-15"])
def test_every_test_runs_on_linux_of_both_kinds_and_on_macs(system: str) -> None:
    """No hosted job ran any test, on any platform."""
    assert ".ci/run" in systems(ROOT / ".github" / "workflows" / "test.yml")[system]
    assert "make test" in (ROOT / ".ci" / "run").read_text()


def test_there_is_a_job_for_the_choices_of_a_gpu_and_one_for_a_release() -> None:
    assert any("make test-gpu" in commands(path) for path in WORKFLOWS)
    assert any("make release" in commands(path) for path in WORKFLOWS)


def test_ruff_goes_before_a_commit_and_the_rest_before_a_push() -> None:
    """Fault: each commit waited a minute for the types."""
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    hooks = {hook["entry"]: hook["stages"] for repo in config["repos"] for hook in repo["hooks"]}
    assert hooks == {"make ruff": ["pre-commit"], "make lint": ["pre-push"]}
    assert set(config["default_install_hook_types"]) == {"pre-commit", "pre-push"}


FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_a_form_for_issues_is_one_that_hosts_read(path: Path) -> None:
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    if path.stem == "config":
        return
    assert form["name"] and form["description"]
    parts = [part for part in form["body"] if part["type"] != "markdown"]
    assert len({part["id"] for part in parts}) == len(parts) > 0
    assert all(part["attributes"]["label"] for part in parts)


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
