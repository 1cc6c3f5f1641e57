"""A real file system that is full for a while (faults D1, T3, V2): nothing lost, work goes on."""

from pathlib import Path

import pytest

from tests.reliability.scenario import End, calm_end
from tests.reliability.small_disk import fill_up, possible

SIZES = (0, 4_096, 30_000, 100_000, 300_000, 700_000, 1_130_000, 1_500_000, 3_000_000)
"""Bytes that are left when the daemon starts."""

pytestmark = pytest.mark.skipif(not possible(), reason="no file system of one's own here")


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> End:
    return calm_end(tmp_path_factory.mktemp("calm") / "w")


@pytest.mark.parametrize("free_bytes", SIZES)
def test_a_full_disk_holds_everything_up_and_loses_nothing(
    free_bytes: int, calm: End, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    assert not fill_up(disk, free_bytes, calm)
