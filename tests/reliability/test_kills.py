"""Two hundred kills at random moments, in twenty histories (faults Q1, Q7, Q8, T1, T9, V1)."""

from pathlib import Path

import pytest

from tests.reliability.kills import be_killed
from tests.reliability.scenario import End, calm_end

HISTORIES, KILLS = 20, 10


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> End:
    return calm_end(tmp_path_factory.mktemp("calm") / "w")


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_what_is_killed_again_and_again_comes_to_the_same_end(
    seed: int, calm: End, tmp_path: Path
) -> None:
    assert not be_killed(tmp_path, seed, KILLS, calm)
