"""The hashed constraints name every dependency, and the same versions on each platform."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, project

LOCKS = sorted((ROOT / "constraints").glob("*-py*.txt"))
BACK_ENDS = {"mlx-cpu", "mlx-metal", "cmeel", "cmeel-openblas"}
"""What computes, which is another on each platform."""


def pins(path: Path) -> dict[str, str]:
    """Return the version of each package."""
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+) \\$", path.read_text(), re.MULTILINE))


def test_there_are_constraints_for_linux_and_for_macs() -> None:
    """A Mac had none: `make` resolved whatever was newest that day."""
    assert {path.name.split("-")[0] for path in LOCKS} == {"darwin", "linux"}


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.stem)
def test_every_dependency_is_pinned_with_a_hash(path: Path) -> None:
    here = path.name.split("-")[0]
    wanted = {
        re.split(r"[\[<>=;]", line)[0].replace(".", "-")
        for line in project()["dependencies"]
        if "sys_platform" not in line or f"'{here}'" in line
        # What newer versions of Python bring themselves.
        if "python_version < '3.14'" not in line or not path.stem.endswith("314")
    }
    back_end = "mlx-metal" if here == "darwin" else "mlx-cpu"
    assert wanted | {back_end} <= set(pins(path))
    blocks = re.split(r"\n(?=[a-z0-9-]+==)", path.read_text())[1:]
    assert all("--hash=sha256:" in block for block in blocks)


@pytest.mark.parametrize("mac", [p for p in LOCKS if "darwin" in p.name], ids=lambda p: p.stem)
def test_a_mac_gets_the_versions_that_linux_is_tested_with(mac: Path) -> None:
    linux = pins(mac.with_name(mac.name.replace("darwin", "linux")))
    assert {name: version for name, version in pins(mac).items() if name not in BACK_ENDS} == {
        name: version for name, version in linux.items() if name not in BACK_ENDS
    }
