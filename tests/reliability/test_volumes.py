"""An inbox on another volume (fault N18): copied, and neither lost nor doubled by a crash (I1)."""

from pathlib import Path

import pytest

from daemon import failpoints
from tests.reliability.faults import Fault
from tests.reliability.scenario import End, calm_end
from tests.reliability.small_disk import possible
from tests.reliability.volumes import across

pytestmark = pytest.mark.skipif(not possible(), reason="no file system of one's own here")


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> End:
    return calm_end(tmp_path_factory.mktemp("calm") / "w")


@pytest.mark.parametrize("point", ["remove.begun", "building.filled"])
def test_files_from_another_volume_survive_a_kill_and_come_to_the_same_end(
    point: str, calm: End, tmp_path: Path
) -> None:
    assert not across(tmp_path, Fault("supervisor", point, 1, failpoints.KILL), calm)
