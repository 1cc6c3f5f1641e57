"""`pytest --in-memory DIR`: every folder of a test lies on a disk in memory.

On macOS there is no /dev/shm, and each sync empties the drive's own cache: the tests that kill
took ten times as long.
"""

import subprocess
import sys
from pathlib import Path

import pytest


def pytest_of(*arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def test_the_folders_of_a_test_lie_on_the_disk_that_was_named(
    pytestconfig: pytest.Config, memory: Path, shared_memory: Path, tmp_path: Path
) -> None:
    disk = pytestconfig.getoption("--in-memory")
    if disk is not None:
        assert all(path.is_relative_to(disk) for path in (memory, shared_memory, tmp_path))
        return
    me = f"{__file__}::{test_the_folders_of_a_test_lie_on_the_disk_that_was_named.__name__}"
    done = pytest_of("--in-memory", str(tmp_path), me)
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout


def test_a_disk_that_is_not_there_is_told_and_no_other_is_taken(tmp_path: Path) -> None:
    done = pytest_of("--in-memory", str(tmp_path / "none"), __file__)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "is no folder that can be written to" in done.stderr
