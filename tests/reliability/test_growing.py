"""A daemon that has worked for long holds no more open than one that has just begun (fault D3)."""

from pathlib import Path

from tests.reliability.growing import grow


def test_thirty_files_leave_no_descriptor_and_no_thread_behind(tmp_path: Path) -> None:
    """Memory has not warmed up after so few: `make soak` weighs it."""
    found = grow(tmp_path, 10, 30)
    assert not [problem for problem in found if "memory" not in problem]
